"""Rate limits of API keys, through the real handler."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from tests.integration.conftest import UNLIMITED
from tests.integration.support.account import AGENT, OTHER_AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.worker import Worker

LISTED = f"/a2a/{AGENT}/tasks"
NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def start_caller(agents: Account, start: Callable[..., ModuleType]) -> Callable[..., Caller]:  # noqa: ARG001
    """A caller of a function with these limits; what is used comes back at one an hour."""

    def open_caller(requests: int = 100, creations: int = 100, streams: int = 0) -> Caller:
        variables = {
            "REQUESTS_PER_HOUR": "1",
            "REQUEST_BURST": str(requests),
            "TASK_CREATIONS_PER_HOUR": "1",
            "TASK_CREATION_BURST": str(creations),
            "OPEN_STREAMS": str(streams),
        }
        return Caller(start("api", **variables).handler, PROJECT)

    return open_caller


def told(answer: Answer) -> list[str | None]:
    return [answer.headers.get(name) for name in NAMES]


def post_many(caller: Caller, count: int) -> Answer:
    body = json.dumps({"tasks": [{"message": f"Task {n}."} for n in range(count)]})
    return caller.send("POST", f"{LISTED}:batchCreate", body=body)


def rate_writes(account: Account) -> int:
    return sum("RATE#" in str(call.parameters["Key"]) for call in account.calls.of("UpdateItem"))


@pytest.mark.usefixtures("now")
def test_every_answer_tells_what_is_left_also_a_refusal(start_caller: Callable[..., Caller]) -> None:
    caller = start_caller(requests=6)
    answers = [
        caller.get(LISTED),
        caller.get(f"/a2a/{OTHER_AGENT}/tasks"),
        caller.get(f"{LISTED}?limit=0"),
        caller.send("POST", LISTED, body="{"),
        caller.post(AGENT, {"message": "Hello."}),
        caller.send("PATCH", LISTED),
    ]
    assert [answer.status for answer in answers] == [200, 404, 400, 400, 202, 404]
    assert [told(answer) for answer in answers] == [
        ["6", str(left), str((6 - left) * 3_600)] for left in (5, 4, 3, 2, 1, 0)
    ]


def test_one_request_too_many_is_refused_before_anything_is_done(
    start_caller: Callable[..., Caller], account: Account
) -> None:
    caller = start_caller(requests=1)
    caller.get(LISTED)
    account.calls.made.clear()
    refused = caller.post(AGENT, {"message": "Hello."})
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.body["error"].startswith(
        "Requests of this API key are limited to 1 an hour and 1 at a time; try again in "
    )
    assert 3_500 < int(refused.headers["Retry-After"]) <= 3_600
    assert told(refused)[:2] == ["1", "0"]
    assert refused.headers["Content-Type"] == "application/json"
    assert account.calls.made == [], "the process knows that nothing can have come back"


def test_another_key_is_not_concerned(start_caller: Callable[..., Caller]) -> None:
    caller = start_caller(requests=1)
    assert [caller.get(LISTED).status for _ in range(2)] == [200, 429]
    assert replace(caller, key_id="ponmlkjihgfedcba").get(LISTED).status == 200


def test_a_keys_own_limits_hold_as_the_authorizer_gives_them(start_caller: Callable[..., Caller]) -> None:
    caller = start_caller(requests=1)
    generous = replace(caller, limits={"requestBurst": "2"})
    assert [generous.get(LISTED).status for _ in range(3)] == [200, 200, 429]
    unlimited = replace(caller, key_id="ponmlkjihgfedcba", limits={"requestsPerHour": "0"})
    answers = [unlimited.get(LISTED) for _ in range(3)]
    assert [(answer.status, told(answer)) for answer in answers] == [(200, [None] * 3)] * 3


def test_creations_have_a_limit_of_their_own(start_caller: Callable[..., Caller], account: Account) -> None:
    caller = start_caller(creations=1)
    accepted, refused = (caller.post(AGENT, {"message": "Hello."}) for _ in range(2))
    assert [accepted.status, refused.status, caller.get(LISTED).status] == [202, 429, 200]
    assert refused.body["error"].startswith("New tasks of this API key are limited to 1 an hour")
    assert told(refused)[:2] == ["1", "0"]
    assert int(refused.headers["Retry-After"]) > 3_500
    assert len(account.store.page(AGENT, None, 10, None).tasks) == 1


def test_of_many_tasks_the_first_ones_are_taken_and_the_others_may_come_again(
    start_caller: Callable[..., Caller], account: Account
) -> None:
    caller = start_caller(creations=3)
    answer = post_many(caller, 5)
    assert answer.status == 200
    results = answer.body["results"]
    assert [result.get("code") for result in results] == [None] * 3 + ["RATE_LIMIT_EXCEEDED"] * 2
    assert "try again in" in results[4]["error"]
    assert told(answer)[:2] == ["3", "0"]
    assert len(account.store.page(AGENT, None, 10, None).tasks) == 3
    assert rate_writes(account) == 2


def test_where_no_task_can_be_taken_the_whole_request_is_refused(start_caller: Callable[..., Caller]) -> None:
    caller = start_caller(creations=1)
    post_many(caller, 1)
    refused = post_many(caller, 2)
    assert (refused.status, refused.code) == (429, "RATE_LIMIT_EXCEEDED")
    assert int(refused.headers["Retry-After"]) > 3_500


def test_health_is_not_counted(start_caller: Callable[..., Caller], account: Account) -> None:
    caller = start_caller(requests=1)
    answer = caller.handler(load_event("api_health"), LambdaContext())
    assert answer["statusCode"] == 200
    assert not set(NAMES) & answer["multiValueHeaders"].keys()
    assert account.calls.made == []


def test_a_request_costs_one_write_and_a_creation_another(
    start_caller: Callable[..., Caller], account: Account
) -> None:
    caller = start_caller()
    caller.get(LISTED)
    assert rate_writes(account) == 1
    caller.post(AGENT, {"message": "Hello."})
    assert rate_writes(account) == 3


def test_without_limits_nothing_is_counted_or_told(agents: Account, start: Callable[..., ModuleType]) -> None:
    caller = Caller(start("api", **UNLIMITED).handler, PROJECT)
    accepted = caller.post(AGENT, {"message": "Hello."})
    assert (accepted.status, told(accepted)) == (202, [None] * 3)
    assert rate_writes(agents) == 0


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED, Fault.SENT_TWICE])
def test_a_count_that_fails_refuses_nobody(
    start_caller: Callable[..., Caller], account: Account, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    caller = start_caller()
    account.calls.fail("UpdateItem", fault, times=2, on="RATE#")
    accepted = caller.post(AGENT, {"message": "Hello."})
    assert accepted.status == 202
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    problems = [line for line in lines if line.get("message") == "rate limit not checked"]
    assert [line["limit"] for line in problems] == (
        [] if fault is Fault.SENT_TWICE else ["REQUESTS", "CREATIONS"]
    )


def test_refusals_are_counted_for_operators(
    start_caller: Callable[..., Caller], capsys: pytest.CaptureFixture[str]
) -> None:
    caller = start_caller(requests=1)
    for _ in range(2):
        caller.get(LISTED)
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(line.get("RateLimited") == [1.0] and line.get("code") == "REQUESTS" for line in lines)
    logged = next(line for line in lines if line.get("message") == "rate limit exceeded")
    assert (logged["key_id"], logged["limit"]) == (caller.key_id, "REQUESTS")


STREAM = {"Accept": "text/event-stream"}
MESSAGES = f"/a2a/{AGENT}/messages"
SAID = json.dumps({"message": "[[standin: say=Hello.]]"})


@pytest.fixture
def at_its_limit(start_caller: Callable[..., Caller], account: Account) -> Caller:
    """A caller whose key has one stream, which is held by somebody."""
    now = int(time.time() * 1000)
    account.open_streams.take("abcdefghijklmnop", 1, now, now + 900_000)
    return start_caller(streams=1)


def test_a_key_at_its_limit_of_streams_neither_waits_nor_makes_tasks_it_would_wait_for(
    at_its_limit: Caller, account: Account
) -> None:
    created = at_its_limit.post(AGENT, {"message": "Hello."}).body["checkUrl"]
    refused = [
        at_its_limit.get(f"{created}?wait=20"),
        at_its_limit.get(f"{created}/events?after=1&wait=20"),
        at_its_limit.send("POST", MESSAGES, body=SAID),
        at_its_limit.send("POST", MESSAGES, body=SAID, headers=STREAM),
    ]
    assert [(answer.status, answer.code) for answer in refused] == [(429, "RATE_LIMIT_EXCEEDED")] * 4
    assert {answer.headers["Retry-After"] for answer in refused} == {"30"}
    assert [at_its_limit.get(path).status for path in (created, f"{created}?wait=0")] == [200, 200]
    assert len(account.store.page(AGENT, None, 10, None).tasks) == 1


def test_what_has_waited_or_streamed_or_failed_holds_nothing(
    start_caller: Callable[..., Caller], account: Account, start_worker: Callable[..., Worker]
) -> None:
    caller, worker = start_caller(streams=1), start_worker()
    created = caller.post(AGENT, json.loads(SAID)).body["checkUrl"]
    with account.calls.as_role(None):
        worker.deliver()
    for path in (f"{created}?wait=20", f"{created}/events?wait=20", f"/a2a/{AGENT}/tasks/no-task?wait=20"):
        caller.get(path)
        assert account.held_streams() == set(), path
    answer = caller.send("POST", f"/a2a/{OTHER_AGENT}/messages", body=SAID, headers=STREAM)
    assert (answer.status, account.held_streams()) == (404, set())
