"""POST /a2a/{agentId}/tasks/{taskId}/messages, through the real handler, as API Gateway calls it."""

import json
from types import ModuleType

import pytest

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.tasks import Record
from a2a_tasks.tasks import payload
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.caller import Answer, Caller
from tests.integration.support.stored_task import DAY_MS, LEFT_MS, STATES, asking, created
from tests.integration.support.texts import incompressible

MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
LONGEST = 100_000


@pytest.fixture
def now(api: ModuleType) -> int:
    """The present of the function's own clock."""
    moment: int = api.services.submitter.clock.now()
    return moment


@pytest.fixture
def task(account: Account, now: int) -> Task:
    """A task that asks."""
    waiting = asking(account.store, created(account.store, now - 1_000), now - 500)
    account.calls.made.clear()
    return waiting


def say(caller: Caller, task: Task, message: object, **more: object) -> Answer:
    body = json.dumps({"message": message} | more)
    return caller.send("POST", f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}/messages", body=body)


def current(account: Account, task: Task) -> Task:
    stored = account.store.get(task.ref)
    assert stored is not None
    return stored


def answers(account: Account, task: Task) -> list[str]:
    """What is kept as the question's answer."""
    kept: list[Record] = account.records.records(task.ref.task_id)
    assert {record.key for record in kept} <= {"TURN#0000#TOOL#call-1"}
    return [payload.load(account.payloads, record.payload)["text"] for record in kept]


def test_an_answer_lets_the_task_go_on_with_the_time_that_it_had_left(
    caller: Caller, account: Account, task: Task, now: int
) -> None:
    answer = say(caller, task, "巴黎")

    path = f"/a2a/{AGENT}/tasks/{task.ref.task_id}"
    assert (answer.status, answer.body) == (
        202,
        {"taskId": task.ref.task_id, "status": "pending", "checkUrl": path},
    )
    resumed = current(account, task)
    assert (resumed.status, resumed.question, resumed.attempt) == (Status.PENDING, None, 0)
    assert now + LEFT_MS <= resumed.deadline <= now + LEFT_MS + 5_000
    assert answers(account, task) == ["巴黎"]
    (record,) = account.receive()
    assert json.loads(record["body"])["taskId"] == task.ref.task_id


def test_the_answer_is_kept_before_the_task_goes_on(caller: Caller, account: Account, task: Task) -> None:
    say(caller, task, "Paris")

    writes = account.calls.of("PutItem", "UpdateItem", "SendMessage")
    assert [call.operation for call in writes] == ["PutItem", "UpdateItem", "SendMessage"]


def test_the_same_answer_completes_what_broke_off(caller: Caller, account: Account, task: Task) -> None:
    account.calls.fail("UpdateItem", Fault.NOT_SENT)

    first, second = say(caller, task, "Paris"), say(caller, task, "Paris")

    assert (first.status, second.status) == (503, 202)
    assert first.headers["Retry-After"] == "5"
    assert current(account, task).status is Status.PENDING
    assert account.message_counts()["visible"] == 1


@pytest.mark.parametrize("size", [5, LONGEST])
def test_of_two_answers_the_first_counts(caller: Caller, account: Account, task: Task, size: int) -> None:
    account.calls.fail("UpdateItem", Fault.NOT_SENT)

    say(caller, task, "a" * size)
    second = say(caller, task, "b" * size)

    assert (second.status, second.code) == (409, "TASK_NOT_WAITING")
    assert answers(account, task) == ["a" * size]
    # what the first began is done: the task does not wait any longer
    assert current(account, task).status is Status.PENDING
    assert account.message_counts()["visible"] == 1


def test_an_answer_whose_write_was_made_twice_counts_once(
    caller: Caller, account: Account, task: Task
) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    answer = say(caller, task, "Paris")

    assert (answer.status, answers(account, task)) == (202, ["Paris"])
    assert current(account, task).status is Status.PENDING
    assert current(account, task).answered == ("TURN#0000#TOOL#call-1",)
    # else it would wait for the sweeper
    assert account.message_counts()["visible"] == 1


def test_an_answer_is_taken_although_the_queue_does_not_answer(
    caller: Caller, account: Account, task: Task
) -> None:
    account.calls.fail("SendMessage", Fault.NOT_SENT)

    assert say(caller, task, "Paris").status == 202
    resumed = current(account, task)
    assert resumed.due_at == resumed.updated_at + 30_000


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.INPUT_REQUIRED}))
def test_a_task_that_does_not_ask_takes_no_answer(
    caller: Caller, account: Account, now: int, status: Status
) -> None:
    other = STATES[status](account.store, created(account.store, now), now)

    answer = say(caller, other, "Paris")

    assert (answer.status, answer.code) == (409, "TASK_NOT_WAITING")
    assert answer.body["error"] == f"The task is {status} and does not wait for an answer."
    assert current(account, other) == other
    assert answers(account, other) == []


def test_an_answer_after_the_longest_wait_comes_too_late(caller: Caller, account: Account, now: int) -> None:
    late = asking(account.store, created(account.store, now - DAY_MS - 1_000), now - DAY_MS)

    answer = say(caller, late, "Paris")

    assert (answer.status, answer.code) == (409, "TASK_NOT_WAITING")
    assert current(account, late).status is Status.FAILED
    assert answers(account, late) == []


@pytest.mark.parametrize("letter", ["x", "测", "😀"])
def test_an_answer_of_exactly_the_longest_length_is_kept_whole(
    caller: Caller, account: Account, task: Task, letter: str
) -> None:
    assert say(caller, task, letter * LONGEST).status == 202
    assert answers(account, task) == [letter * LONGEST]


@pytest.mark.parametrize(
    ("message", "status"),
    [("x" * (LONGEST + 1), 413), ("", 400), (None, 400), (7, 400), ("half \ud800", 400)],
)
def test_another_answer_is_refused_by_name(
    caller: Caller, account: Account, task: Task, message: object, status: int
) -> None:
    answer = say(caller, task, message)

    assert answer.status == status
    assert [detail["field"] for detail in answer.body["details"]] == ["message"]
    assert current(account, task) == task


def test_what_is_not_known_is_named_with_what_is(caller: Caller, account: Account, task: Task) -> None:
    answer = say(caller, task, "Paris", priority="high")

    assert answer.body["details"] == [
        {"field": "priority", "message": "is not a field of this request; known are message"}
    ]
    assert current(account, task) == task


def test_what_is_not_yours_is_answered_like_what_does_not_exist(
    caller: Caller, rival: Caller, account: Account, task: Task
) -> None:
    missing = caller.send("POST", f"/a2a/{AGENT}/tasks/{MISSING_ID}/messages", body='{"message": "x"}')
    foreign = say(rival, task, "Paris")

    assert missing == foreign
    assert (missing.status, missing.code) == (404, "TASK_NOT_FOUND")
    assert current(account, task) == task


@pytest.mark.parametrize(
    ("operation", "size"), [("GetItem", 5), ("PutItem", 5), ("UpdateItem", 5), ("PutObject", LONGEST)]
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_storage_that_does_not_answer_means_try_again(
    caller: Caller, account: Account, task: Task, operation: str, size: int, fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    first, second = (say(caller, task, incompressible(size)) for _ in range(2))

    assert (first.status, first.code, first.headers["Retry-After"]) == (503, "INTERNAL_ERROR", "5")
    assert second.status == 202
