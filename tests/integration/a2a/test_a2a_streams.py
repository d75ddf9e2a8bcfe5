"""Streams of A2A 1.0 through the real handlers: as pieces, and whole where the gateway cannot stream."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from a2a.compat.v0_3 import types as types_v03

from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.runtime.answer import DELIMITER
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer
from tests.integration.support.worker import Worker

MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "[[standin: say=Hello.]]"}]}


@pytest.fixture
def app(
    agents: Account,  # noqa: ARG001  fills the account
    start: Callable[..., ModuleType],
    start_worker: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> ModuleType:
    """The function, and a worker that works while a stream waits."""
    started, worker = start("a2a"), start_worker()

    def pause(_: float) -> None:
        with worker.account.calls.as_role(None):
            worker.deliver()

    methods = started.agent_handler.methods
    following = replace(methods, follower=replace(methods.follower, pause=pause))
    monkeypatch.setattr(started, "agent_handler", replace(started.agent_handler, methods=following))
    return started


@pytest.fixture(params=["whole", "streamed"])
def client(app: ModuleType, request: pytest.FixtureRequest) -> A2ACaller:
    def streamed(event: dict[str, Any], context: Any) -> dict[str, Any]:
        head, _, body = b"".join(app.stream(event, context).chunks()).partition(DELIMITER)
        answer: dict[str, Any] = json.loads(head) | {"body": body.decode()}
        return answer

    return A2ACaller(app.handler if request.param == "whole" else streamed, PROJECT)


def events(answer: Answer) -> list[Any]:
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    blocks = [block for block in answer.text.split("\n\n") if block and not block.startswith(":")]
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def kinds(responses: list[Any]) -> list[str]:
    return [next(iter(response)) for response in responses]


def test_by_http_json_each_event_is_a_response(client: A2ACaller) -> None:
    responses = events(client.send("POST", "/v1/message:stream", {"message": MESSAGE}))

    assert kinds(responses) == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]
    assert responses[2]["artifactUpdate"]["artifact"]["parts"][0]["text"] == "Hello."


def test_by_json_rpc_each_event_answers_the_request(client: A2ACaller) -> None:
    document = {
        "jsonrpc": "2.0", "id": "seven", "method": "SendStreamingMessage", "params": {"message": MESSAGE},
    }  # fmt: skip

    answers = events(client.send("POST", "", document))

    assert {(answer["jsonrpc"], answer["id"]) for answer in answers} == {("2.0", "seven")}
    responses = [answer["result"] for answer in answers]
    assert kinds(responses) == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_task_is_subscribed_to_by_either_verb(client: A2ACaller, verb: str) -> None:
    sent = client.rpc("SendMessage", {"message": MESSAGE, "configuration": {"returnImmediately": True}})

    responses = events(client.send(verb, f"/v1/tasks/{sent['task']['id']}:subscribe"))

    assert responses[0]["task"]["id"] == sent["task"]["id"]
    assert responses[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


def test_a_stream_that_cannot_go_on_ends(
    client: A2ACaller, agents: Account, app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: float) -> None:
        agents.calls.fail("GetItem", Fault.NOT_SENT, times=9)

    methods = app.agent_handler.methods
    failing = replace(methods, follower=replace(methods.follower, pause=fail))
    monkeypatch.setattr(app, "agent_handler", replace(app.agent_handler, methods=failing))

    responses = events(client.send("POST", "/v1/message:stream", {"message": MESSAGE}))

    assert kinds(responses) == ["task"]


def test_an_answer_that_is_no_stream_is_whole_either_way(client: A2ACaller) -> None:
    sent = client.rpc("SendMessage", {"message": MESSAGE, "configuration": {"returnImmediately": True}})

    assert client.rpc("GetTask", {"id": sent["task"]["id"]})["id"] == sent["task"]["id"]


def test_clients_of_the_older_version_are_told_the_same(client: A2ACaller) -> None:
    message = {
        "messageId": "m",
        "role": "user",
        "parts": [{"kind": "text", "text": "[[standin: say=Hello.]]"}],
    }
    asked = {"jsonrpc": "2.0", "id": "x", "method": "message/stream", "params": {"message": message}}

    told = events(client.send("POST", "/v0.3", asked, headers={}))

    for each in told:
        read = types_v03.SendStreamingMessageSuccessResponse.model_validate(each)
        assert read.model_dump(mode="json", by_alias=True, exclude_none=True) == each
    results = [each["result"] for each in told]
    assert {each["id"] for each in told} == {"x"}
    assert (results[0]["kind"], results[-1]["kind"]) == ("task", "status-update")
    assert [each["final"] for each in results if each["kind"] == "status-update"][-2:] == [False, True]
    (whole,) = [each for each in results if each.get("lastChunk")]
    assert whole["artifact"]["parts"] == [{"kind": "text", "text": "Hello."}]


def test_a_stream_counts_until_it_is_over(
    agents: Account, start: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start("a2a", OPEN_STREAMS="1")
    client, refused = A2ACaller(started.handler, PROJECT), list[Answer]()
    returns_now = {"message": MESSAGE, "configuration": {"returnImmediately": True}}
    blocking = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": MESSAGE}}

    def pause(_: float) -> None:
        refused.append(client.send("POST", "/v1/message:stream", {"message": MESSAGE}))
        refused.append(client.send("POST", "", blocking))
        raise StoreUnavailable("gone")

    methods = started.agent_handler.methods
    following = replace(methods, follower=replace(methods.follower, pause=pause))
    monkeypatch.setattr(started, "agent_handler", replace(started.agent_handler, methods=following))
    task = client.rpc("SendMessage", returns_now)["task"]

    answer = client.send("GET", f"/v1/tasks/{task['id']}:subscribe")

    assert answer.status == 200
    assert [each.status for each in refused] == [429, 429]
    assert {each.headers["Retry-After"] for each in refused} == {"30"}
    assert agents.held_streams() == set()
