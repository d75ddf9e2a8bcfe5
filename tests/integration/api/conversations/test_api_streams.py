"""POST /messages with ``Accept: text/event-stream``, through the real handlers and a worker."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.task import Priority
from a2a_tasks.execution.model.pacing import BASE_SECONDS
from a2a_tasks.runtime.answer import DELIMITER, StreamedAnswer
from a2a_tasks.runtime.sse import KEEP_ALIVE
from tests.integration.conftest import UNLIMITED
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.worker import Worker

MESSAGES = f"/a2a/{AGENT}/messages"
STREAM = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Sent:
    """A server-sent event."""

    event: str
    data: Any
    event_id: str | None = None


def events_of(text: str) -> list[Sent]:
    """What a client reads; comments are not for it."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [_event(block) for block in blocks]


def _event(block: str) -> Sent:
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    return Sent(fields["event"], json.loads(fields["data"]), fields.get("id"))


def let_pass(api: ModuleType, monkeypatch: pytest.MonkeyPatch, pause: Callable[[float], None]) -> None:
    monkeypatch.setattr(api.services.streams, "follower", replace(api.services.streams.follower, pause=pause))


@pytest.fixture
def working(api: ModuleType, start_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker that works while the stream waits."""
    worker = start_worker()

    def pause(_: float) -> None:
        with worker.account.calls.as_role(None):
            worker.deliver()

    let_pass(api, monkeypatch, pause)
    return worker


@pytest.fixture
def streaming(api: ModuleType) -> Caller:
    """A caller behind the gateway's streaming integration."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        answer = api.stream(event, context)
        assert isinstance(answer, StreamedAnswer)
        head, _, body = b"".join(answer.chunks()).partition(DELIMITER)
        event_answer: dict[str, Any] = json.loads(head) | {"body": body.decode()}
        return event_answer

    return Caller(handler, PROJECT)


def say(caller: Caller, message: str, **fields: Any) -> Answer:
    return caller.send("POST", MESSAGES, body=json.dumps({"message": message} | fields), headers=STREAM)


@pytest.mark.parametrize("way", ["caller", "streaming"])
def test_a_task_from_its_acceptance_to_its_answer(
    request: pytest.FixtureRequest, way: str, working: Worker
) -> None:
    answer = say(request.getfixturevalue(way), "[[standin: say=Hello.]]", sessionId="talk")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    events = events_of(answer.text)
    assert [event.event for event in events] == ["accepted", "status", "status", "answer"]
    accepted, running, completed, last = events
    assert accepted.data["checkUrl"] == f"/a2a/{AGENT}/tasks/{accepted.data['taskId']}"
    assert (accepted.data["status"], accepted.data["sessionId"]) == ("pending", "talk")
    assert (running.data["status"], completed.data["status"]) == ("running", "completed")
    assert [running.event_id, completed.event_id] == ["2", "3"]
    assert last.data["response"] == "Hello."
    assert last.data["taskId"] == accepted.data["taskId"]
    assert working.account.message_counts()["visible"] == 0


@pytest.mark.usefixtures("working")
def test_a_question_ends_the_stream_and_the_next_message_answers_it(caller: Caller, account: Account) -> None:
    account.add_agent(AGENT, PROJECT, allowedTools=["ask_user"])
    message = '[[standin: tool=ask_user:{"question": "Which year?"} | say=Then it is 2026.]]'

    asked = events_of(say(caller, message, sessionId="talk").text)[-1]
    answered = events_of(say(caller, "2026", sessionId="talk").text)[-1]

    assert (asked.event, asked.data["response"], asked.data["status"]) == (
        "answer", "Which year?", "input_required",
    )  # fmt: skip
    assert (answered.event, answered.data["response"]) == ("answer", "Then it is 2026.")
    assert answered.data["taskId"] == asked.data["taskId"]


@pytest.mark.usefixtures("working")
def test_a_task_that_fails_ends_the_stream_with_its_code(caller: Caller) -> None:
    last = events_of(say(caller, "[[standin: stop=refusal]]").text)[-1]

    assert (last.event, last.data["code"]) == ("error", "MODEL_REFUSED")


def test_a_stream_that_runs_out_of_time_says_where_to_look(
    caller: Caller, api: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, passed = api.services.tasks.finalizer.clock.now(), [0.0]

    class PassingClock:
        def now(self) -> int:
            return int(begun + sum(passed) * 1000)

    passing = replace(api.services.streams.follower.finalizer, clock=PassingClock())
    follower = replace(api.services.streams.follower, finalizer=passing, pause=passed.append)
    monkeypatch.setattr(api.services.streams, "follower", follower)

    answer = say(caller, "Hi.")

    last = events_of(answer.text)[-1]
    assert (last.event, last.data["status"]) == ("unfinished", "pending")
    assert last.data["checkUrl"].endswith(last.data["taskId"])
    assert answer.text.count(KEEP_ALIVE.decode()) == len(passed)
    assert 24 <= sum(passed) <= 26


@pytest.mark.parametrize("way", ["caller", "streaming"])
def test_a_stream_that_cannot_go_on_says_where_to_look(
    request: pytest.FixtureRequest,
    way: str,
    api: ModuleType,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: float) -> None:
        account.calls.fail("GetItem", Fault.NOT_SENT, times=9)

    let_pass(api, monkeypatch, fail)

    answer = say(request.getfixturevalue(way), "Hi.")

    accepted, *_, last = events_of(answer.text)
    assert (answer.status, last.event) == (200, "unfinished")
    assert last.data == accepted.data


@pytest.mark.usefixtures("working")
def test_the_same_key_follows_the_same_task(caller: Caller) -> None:
    headers = STREAM | {"Idempotency-Key": "once"}

    def once() -> list[Sent]:
        body = json.dumps({"message": "[[standin: say=Hello.]]"})
        return events_of(caller.send("POST", MESSAGES, body=body, headers=headers).text)

    first, again = once(), once()

    assert first[0].data["taskId"] == again[0].data["taskId"]
    assert again[-1] == first[-1]


def test_what_is_refused_is_no_stream(caller: Caller, streaming: Caller) -> None:
    for way in (caller, streaming):
        answer = way.send("POST", MESSAGES, body='{"massage": "Hi."}', headers=STREAM)

        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.headers["Content-Type"] == "application/json"


def test_a_whole_answer_is_the_same_by_the_runtime_that_streams(streaming: Caller, caller: Caller) -> None:
    created = caller.post(AGENT, {"message": "Hi."})
    path = created.body["checkUrl"]

    assert streaming.get(path).body == caller.get(path).body


def test_a_request_that_failed_leaves_no_stream_behind(
    caller: Caller, api: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.services.streams, "_started", object())

    assert caller.get("/health").body == {"status": "ok"}


def test_a_stream_counts_until_it_is_over(
    agents: Account,
    start: Callable[..., ModuleType],
    start_worker: Callable[..., Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, worker = start("api", **UNLIMITED | {"OPEN_STREAMS": "1"}), start_worker()
    caller, refused = Caller(started.handler, PROJECT), list[Answer]()

    def pause(_: float) -> None:
        with agents.calls.as_role(None):
            refused.append(say(replace(caller, handler=start("api", OPEN_STREAMS="1").handler), "Me too."))
            worker.deliver()

    let_pass(started, monkeypatch, pause)

    events = events_of(say(caller, "[[standin: say=Hello.]]").text)

    assert [(answer.status, answer.code) for answer in refused] == [(429, "RATE_LIMIT_EXCEEDED")]
    assert (events[-1].event, agents.held_streams()) == ("answer", set())


def test_a_caller_who_leaves_at_once_gives_its_place_back(
    agents: Account, start: Callable[..., ModuleType]
) -> None:
    started = start("api", **UNLIMITED | {"OPEN_STREAMS": "1"})

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        chunks = started.stream(event, context).chunks()
        first = [next(chunks), next(chunks)]
        with agents.calls.as_role(None):
            assert agents.held_streams()
        chunks.close()
        return {"statusCode": 200, "headers": {}, "body": first[1].decode()}

    (accepted,) = events_of(say(Caller(handler, PROJECT), "Hi.").text)

    assert (accepted.event, agents.held_streams()) == ("accepted", set())


@pytest.mark.usefixtures("working")
def test_a_task_that_cannot_go_on_soon_ends_the_stream_and_says_when_to_come_back(caller: Caller) -> None:
    answer = say(caller, "[[standin: err=429; retry_after=120]]")

    last = events_of(answer.text)[-1]
    assert (last.event, last.data["status"]) == ("unfinished", "pending")
    spread = 2 * BASE_SECONDS[Priority.NORMAL]
    assert 115 <= last.data["retryAfterSeconds"] <= 120 + spread
    retry = answer.text.rpartition("\nretry: ")[2].partition("\n")[0]
    assert 115_000 <= int(retry) <= (120 + spread) * 1000
