"""A message that shows nothing is refused on every way in, in that way's words, and leaves nothing behind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Status, Task
from local.standin.client import StandInClient
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.caller import Caller
from tests.integration.support.stored_task import asking, created
from tests.integration.support.worker import Worker

BLANKS = [" \n\t", "\u3000", "\u200b\ufeff", "\u3164"]
KEY = {"Idempotency-Key": "key-1"}


@dataclass(frozen=True)
class Ways:
    """All ways in, and a task that asks a question."""

    account: Account
    api: Caller
    a2a: A2ACaller
    asking: Task

    def post(self, path: str, document: Any, **headers: str) -> Any:
        return self.api.send("POST", f"/a2a/{AGENT}{path}", body=json.dumps(document), headers=KEY | headers)

    def refused(self, path: str, document: Any, **headers: str) -> list[str]:
        """The fields that a 400 of the API names."""
        answer = self.post(path, document, **headers)
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        return [detail["field"] for detail in answer.body["details"]]


def message(text: str, **more: str) -> dict[str, Any]:
    return {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]} | more}


def older(text: str) -> dict[str, Any]:
    parts = [{"kind": "text", "text": text}]
    return {"message": {"kind": "message", "messageId": "m", "role": "user", "parts": parts}}


def by_batch(ways: Ways, text: str) -> list[str]:
    answer = ways.post("/tasks:batchCreate", {"tasks": [{"message": text}]})
    assert answer.status == 200
    (result,) = answer.body["results"]
    assert result["code"] == "VALIDATION_ERROR"
    return [detail["field"] for detail in result["details"]]


def by_http_json(ways: Ways, text: str, path: str = "send") -> list[str]:
    answer = ways.a2a.send("POST", f"/v1/message:{path}", message(text))
    error = answer.body["error"]
    assert (answer.status, error["status"]) == (400, "INVALID_ARGUMENT")
    return _violations(error["details"])


def by_json_rpc(ways: Ways, text: str, method: str = "SendMessage", **more: str) -> list[str]:
    error = ways.a2a.rpc(method, message(text, **more))
    assert error["code"] == -32602
    return _violations(error["data"])


def by_0_3(ways: Ways, text: str, method: str = "message/send") -> list[str]:
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": older(text)}
    answer = ways.a2a.send("POST", "/v0.3", asked, headers={})
    # a stream begins before anything is known of its request
    error = json.loads(answer.text.removeprefix("data: "))["error"]
    assert error["code"] == -32602
    return [violation["field"] for violation in error["data"]["fieldViolations"]]


def _violations(details: Any) -> list[str]:
    (found,) = [detail["fieldViolations"] for detail in details if "fieldViolations" in detail]
    return [violation["field"] for violation in found]


WAYS: dict[str, Callable[[Ways, str], list[str]]] = {
    "create": lambda ways, text: ways.refused("/tasks", {"message": text}),
    "create, with a context": lambda ways, text: ways.refused(
        "/tasks", {"message": text, "context": {"a": 1}}
    ),
    "batchCreate": by_batch,
    "messages": lambda ways, text: ways.refused("/messages", {"message": text}),
    "messages as a stream": lambda ways, text: ways.refused(
        "/messages", {"message": text}, Accept="text/event-stream"
    ),
    "an answer": lambda ways, text: ways.refused(
        f"/tasks/{ways.asking.ref.task_id}/messages", {"message": text}
    ),
    "A2A by HTTP": by_http_json,
    "A2A by HTTP as a stream": lambda ways, text: by_http_json(ways, text, "stream"),
    "A2A by JSON-RPC": by_json_rpc,
    "A2A by JSON-RPC as a stream": lambda ways, text: by_json_rpc(ways, text, "SendStreamingMessage"),
    "an answer by A2A": lambda ways, text: by_json_rpc(ways, text, taskId=ways.asking.ref.task_id),
    "A2A 0.3": by_0_3,
    "A2A 0.3 as a stream": lambda ways, text: by_0_3(ways, text, "message/stream"),
}


@pytest.fixture
def ways(agents: Account, start: Callable[..., ModuleType]) -> Ways:
    api, a2a = start("api"), start("a2a")
    now = api.services.tasks.finalizer.clock.now()
    task = asking(agents.store, created(agents.store, now - 1_000), now - 500)
    return Ways(agents, Caller(api.handler, PROJECT), A2ACaller(a2a.handler, PROJECT), task)


@pytest.mark.parametrize("way", WAYS)
def test_a_blank_message_is_refused_by_name_and_is_no_task(ways: Ways, way: str) -> None:
    for text in BLANKS:
        assert WAYS[way](ways, text) in (["message"], ["message.parts[0].text"])

    (task,) = ways.account.store.page(AGENT, None, 10, None).tasks
    assert (task.ref, task.status) == (ways.asking.ref, Status.INPUT_REQUIRED)
    assert ways.account.records.records(task.ref.task_id) == []


@pytest.mark.parametrize("path", ["/tasks", "/messages"])
def test_the_key_of_a_blank_message_is_free_for_the_right_one(ways: Ways, path: str) -> None:
    ways.refused(path, {"message": " "})

    ways.api.send("POST", f"/a2a/{AGENT}/tasks", body=json.dumps({"message": "hello"}), headers=KEY)

    assert len(ways.account.store.page(AGENT, None, 10, None).tasks) == 2


def test_what_is_wrong_and_what_to_do_is_said_in_words(ways: Ways) -> None:
    answer = ways.post("/tasks", {"message": " "})
    assert answer.body["error"] == "message: is blank; say something in it"

    error = ways.a2a.rpc("SendMessage", message(" "))
    assert error["message"] == "message.parts[0].text: is blank; give a text or a file"


def test_a_blank_part_beside_others_is_not_shown_to_the_model(
    ways: Ways, start_worker: Callable[..., Worker], claude: StandInClient
) -> None:
    said = message(" ") | {"configuration": {"returnImmediately": True}}
    said["message"]["parts"] += [
        {"text": "blank-part [[standin: say=ok]]"},
        {"data": {"n": 1}},
        {"text": "\u200b"},
    ]
    task = ways.a2a.rpc("SendMessage", said)["task"]
    start_worker().work()

    assert ways.a2a.rpc("GetTask", {"id": task["id"]})["status"]["state"] == "TASK_STATE_COMPLETED"
    (body,) = claude.bodies("blank-part")
    assert [block["text"] for block in body["messages"][0]["content"]] == [
        "blank-part [[standin: say=ok]]",
        '{\n "n": 1\n}',
    ]
