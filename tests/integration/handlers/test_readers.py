"""Whoever reads a task sees its end, although no notifier, queue, sender or sweeper has run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

import pytest

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.tasks import payload
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.exchange import Exchange, ExchangeRef
from a2a_tasks.wecom.language import Language
from local.wecom.callbacks.envelope import Envelope, Sealed
from local.wecom.settings import Bot
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import completed
from tests.integration.support.wecom.gateway import callback_event

SESSION, KEY = "talk", {"Idempotency-Key": "key-1"}
MESSAGE = {"message": "hello", "sessionId": SESSION}
TIMEOUT_MS = 300_000
NO_TIME_LEFT_MS = 4_000
"""The API keeps so much back for its answer: nothing is waited for."""


@dataclass(frozen=True)
class Readers:
    """What has readers, cold-started, and one task: of a conversation, and asked for in a chat."""

    account: Account
    api: ModuleType
    a2a: ModuleType
    wecom: ModuleType
    task: Task

    @property
    def path(self) -> str:
        return f"/a2a/{AGENT}/tasks/{self.task.ref.task_id}"

    def get(self, path: str) -> Any:
        return Caller(self.api.handler, PROJECT).get(path).body

    def repeat(self, **headers: str) -> Any:
        """The request that has made the task, once more."""
        caller = Caller(self.api.handler, PROJECT, remaining_ms=NO_TIME_LEFT_MS)
        body = json.dumps(MESSAGE)
        return caller.send("POST", f"/a2a/{AGENT}/messages", body=body, headers=KEY | headers)

    def rpc(self, method: str, **params: Any) -> Any:
        return A2ACaller(self.a2a.handler, PROJECT).rpc(method, params)

    def refresh(self) -> Any:
        """What WeCom is answered that asks for the stream."""
        bot = Bot()
        envelope = Envelope(bot.token, bot.encoding_aes_key, "")
        asked = {"msgid": "1", "aibotid": bot.bot_id, "chattype": "single", "from": {"userid": "LiLei"}}
        asked |= {"msgtype": "stream", "stream": {"id": self.task.ref.task_id}}
        sealed = envelope.seal(json.dumps(asked), SystemClock().now())
        event = callback_event(
            "POST", "helper", sealed.query, json.dumps({"encrypt": sealed.encrypt}).encode()
        )
        answer = json.loads(self.wecom.handler(event, LambdaContext())["body"])
        reply = Sealed(answer["encrypt"], answer["msgsignature"], str(answer["timestamp"]), answer["nonce"])
        return json.loads(envelope.open(reply))["stream"]


def _by_list(readers: Readers, query: str = "") -> str:
    (task,) = readers.get(f"/a2a/{AGENT}/tasks{query}")["tasks"]
    return str(task["status"])


def _by_status(readers: Readers) -> str:
    found = [status for status in Status if readers.get(f"/a2a/{AGENT}/tasks?status={status}")["tasks"]]
    (status,) = found
    return status


def _by_status_of_project(readers: Readers) -> str:
    (status,) = (status for status in Status if readers.get(f"/tasks?status={status}")["tasks"])
    return status


def _by_message(readers: Readers) -> str:
    body = readers.repeat().body
    return str(body.get("status") or {"QUEUE_TIMEOUT": "failed"}[body["code"]])


def _by_stream(readers: Readers) -> str:
    text = readers.repeat(Accept="text/event-stream").text
    return str({"answer": "completed", "error": "failed"}[text.rpartition("event: ")[2].partition("\n")[0]])


def _by_conversation(readers: Readers) -> str:
    said = readers.get(f"/a2a/{AGENT}/contexts/{SESSION}")["messages"]
    return {0: "failed", 2: "completed"}[len(said)]


def _by_subscription(readers: Readers) -> str:
    message: str = readers.rpc("SubscribeToTask", id=readers.task.ref.task_id)["message"]
    return message.removeprefix("The task has ").partition(";")[0]


def _by_a2a_list(readers: Readers) -> str:
    (task,) = readers.rpc("ListTasks")["tasks"]
    return _state(task)


def _by_a2a_0_3(readers: Readers) -> str:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": readers.task.ref.task_id}}
    task = A2ACaller(readers.a2a.handler, PROJECT).send("POST", "/v0.3", asked, headers={})
    return str(task.body["result"]["status"]["state"])


def _by_refresh(readers: Readers) -> str:
    stream = readers.refresh()
    assert stream["finish"], stream
    return {"It is 42.": "completed", "Too busy right now. Please try again later.": "failed"}[
        stream["content"]
    ]


def _state(task: Any) -> str:
    return str(task["status"]["state"]).removeprefix("TASK_STATE_").lower()


READERS: dict[str, Callable[[Readers], str]] = {
    "GET": lambda readers: readers.get(readers.path)["status"],
    "GET ?wait=": lambda readers: readers.get(f"{readers.path}?wait=20")["status"],
    "list": _by_list,
    "list ?status=": _by_status,
    "list of the project": lambda readers: readers.get("/tasks")["tasks"][0]["status"],
    "list of the project ?status=": _by_status_of_project,
    "timeline": lambda readers: readers.get(f"{readers.path}/timeline")["status"],
    "events": lambda readers: readers.get(f"{readers.path}/events")["taskStatus"],
    "events ?wait=": lambda readers: readers.get(f"{readers.path}/events?after=1&wait=20")["taskStatus"],
    "messages": _by_message,
    "messages as a stream": _by_stream,
    "conversation": _by_conversation,
    "GetTask": lambda readers: _state(readers.rpc("GetTask", id=readers.task.ref.task_id)),
    "ListTasks": _by_a2a_list,
    "SubscribeToTask": _by_subscription,
    "tasks/get of 0.3": _by_a2a_0_3,
    "refresh of a chat": _by_refresh,
}


@pytest.fixture
def readers(agents: Account, start: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Readers:
    agents.add_agent(AGENT, PROJECT, queueTimeoutMs=TIMEOUT_MS)
    api, a2a, wecom = start("api"), start("a2a"), start("wecom")

    def never(seconds: float) -> NoReturn:
        raise AssertionError(f"{seconds} s are waited for what has ended")

    for module in (
        api.services.tasks,
        api.services.streams.follower,
        a2a.agent_handler.methods.tasks,
        a2a.agent_handler.methods.follower,
    ):
        monkeypatch.setitem(module.__dict__, "pause", never)
    first = Caller(api.handler, PROJECT, remaining_ms=NO_TIME_LEFT_MS)
    answer = first.send("POST", f"/a2a/{AGENT}/messages", body=json.dumps(MESSAGE), headers=KEY)
    assert answer.status == 202, answer
    (task,) = agents.store.page(AGENT, None, 2, None).tasks
    _ask_in_chat(agents, task)
    return Readers(agents, api, a2a, wecom, task)


def _ask_in_chat(account: Account, task: Task) -> None:
    """As if the task had come from a chat."""
    bot = Bot()
    arn = account.keep_connection_secrets("helper", ConnectionSecrets(bot.token, bot.encoding_aes_key))
    account.connections.create(
        Connection("helper", PROJECT, ConnectionKind.BOT, arn, 0, agent_id=AGENT, bot_id=bot.bot_id)
    )
    exchange = Exchange(
        ExchangeRef(task.ref.task_id), AGENT, PROJECT, "helper", "LiLei", None, Language.EN, task.created_at
    )
    account.exchanges.put(exchange, 2**41)


@pytest.mark.parametrize("reader", READERS)
def test_a_finished_task_is_finished(readers: Readers, reader: str) -> None:
    account, task = readers.account, readers.task
    output = payload.save(account.payloads, task.ref.task_id, "output-1", {"result": "It is 42."})
    completed(account.store, task, task.created_at + 1, output)

    assert READERS[reader](readers) == "completed"


@pytest.mark.parametrize("reader", READERS)
def test_a_task_whose_deadline_has_passed_has_failed(
    readers: Readers, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = readers.task.created_at + TIMEOUT_MS
    monkeypatch.setattr(SystemClock, "now", lambda _: moment)

    assert READERS[reader](readers) == "failed"


def test_before_that_no_reader_says_so(readers: Readers) -> None:
    assert _by_list(readers) == _by_status(readers) == "pending"
    assert not readers.refresh()["finish"]
