"""The contract of a task's events: told by the write that makes the change, once, in order; the same on
DynamoDB and in memory."""

from collections.abc import Callable

import pytest

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import Event, EventType, IndexedEvent
from a2a_tasks.domain.history.events import FULL
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Advance, Claim, InputRequest, Refused, Release, TaskStore, Written
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import (
    DAY_MS,
    LEFT_MS,
    NOW,
    QUESTION,
    WORKER,
    asking,
    canceled,
    claimed,
    created,
    given_back,
    new_task,
    outcome,
)

CHILDREN = (new_task(number=1).ref,)
FAILED = outcome(Status.FAILED, failure=Failure(FailureCode.MODEL_REFUSED, "No."))

type Write = Callable[[TaskStore, Task], Written | Refused]


def running(store: TaskStore) -> Task:
    return claimed(store, created(store), NOW)


def turn(number: int, place: int, at: int = NOW) -> Advance:
    return Advance(at, turns=number, event=IndexedEvent(place, events.turn(at, number, ["Read"])))


WRITES: dict[str, tuple[Callable[[TaskStore], Task], Write, dict[str, str]]] = {
    "claim": (
        created,
        lambda store, task: store.claim(task.ref, Claim("mine", NOW, WORKER, task.fence)),
        {"status": "running"},
    ),
    "retry": (
        running,
        lambda store, task: store.release(
            task.ref, 1, Release(NOW, NOW, NOW + 1, (), code=FailureCode.MODEL_OVERLOADED)
        ),
        {"status": "pending", "reason": "retry", "code": "MODEL_OVERLOADED"},
    ),
    "hand over": (
        running,
        lambda store, task: store.release(task.ref, 1, Release(NOW, NOW, NOW + 1, (), keeps_attempt=True)),
        {"status": "pending", "reason": "handed_over"},
    ),
    "await": (
        running,
        lambda store, task: store.release(
            task.ref, 1, Release(NOW, NOW, NOW + 1, (), keeps_attempt=True, awaits=CHILDREN)
        ),
        {"status": "pending", "reason": "awaits_tasks"},
    ),
    "pause": (
        running,
        lambda store, task: store.request_input(
            task.ref, 1, InputRequest(NOW, QUESTION, NOW + DAY_MS, LEFT_MS)
        ),
        {"status": "input_required"},
    ),
    "resume": (
        lambda store: asking(store, created(store), NOW),
        lambda store, task: store.resume(task.ref, QUESTION.call_id, NOW),
        {"status": "pending", "reason": "answered"},
    ),
    "fail": (
        running,
        lambda store, task: store.finish(task.ref, FAILED, guard_of_worker(1)),
        {"status": "failed", "code": "MODEL_REFUSED"},
    ),
    "complete": (
        running,
        lambda store, task: store.finish(task.ref, outcome(Status.COMPLETED), guard_of_worker(1)),
        {"status": "completed"},
    ),
}
"""Each change of state: of which task, by which write, and what it tells."""


@pytest.mark.parametrize("change", WRITES)
def test_a_change_of_state_is_told_once_also_when_it_is_made_twice(store: TaskStore, change: str) -> None:
    begin, write, details = WRITES[change]
    task = begin(store)

    first = write(store, task)
    write(store, task)

    assert isinstance(first, Written)
    assert first.task.events == (*task.events, Event(NOW, EventType.STATUS, details))
    assert store.get(task.ref) == first.task


@pytest.mark.parametrize("change", WRITES)
def test_a_change_that_the_sdk_sent_twice_is_told_once(account: Account, change: str) -> None:
    begin, write, details = WRITES[change]
    task = begin(account.store)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    write(account.store, task)

    stored = account.store.get(task.ref)
    assert stored is not None
    assert stored.events == (*task.events, Event(NOW, EventType.STATUS, details))


@pytest.mark.parametrize("change", WRITES)
def test_a_change_whose_answer_was_lost_is_told_once_when_it_is_made_again(
    account: Account, change: str
) -> None:
    begin, write, details = WRITES[change]
    task = begin(account.store)
    account.calls.fail("UpdateItem", Fault.ANSWER_LOST)

    with pytest.raises(StoreUnavailable):
        write(account.store, task)
    write(account.store, task)

    stored = account.store.get(task.ref)
    assert stored is not None
    assert stored.events == (*task.events, Event(NOW, EventType.STATUS, details))


def test_a_new_task_begins_with_its_first_event(store: TaskStore) -> None:
    task = store.get(created(store).ref)

    assert task is not None
    assert task.events == (Event(NOW, EventType.STATUS, {"status": "pending"}),)


def test_what_a_worker_tells_stands_in_its_place_however_often_it_is_written(store: TaskStore) -> None:
    task = running(store)

    store.advance(task.ref, 1, turn(1, 2))
    store.advance(task.ref, 1, turn(1, 2))
    store.advance(task.ref, 1, turn(2, 3, NOW + 1))
    result = store.advance(task.ref, 1, turn(2, 3, NOW + 1))

    expected = (*task.events, events.turn(NOW, 1, ["Read"]), events.turn(NOW + 1, 2, ["Read"]))
    assert isinstance(result, Written)
    assert result.task.events == expected
    assert store.get(task.ref) == result.task


@pytest.mark.parametrize("fault", [Fault.SENT_TWICE, Fault.ANSWER_LOST])
def test_what_a_worker_tells_is_told_once_whatever_becomes_of_the_answer(
    account: Account, fault: Fault
) -> None:
    task = running(account.store)
    account.calls.fail("UpdateItem", fault)

    if fault is Fault.ANSWER_LOST:
        with pytest.raises(StoreUnavailable):
            account.store.advance(task.ref, 1, turn(1, 2))
    account.store.advance(task.ref, 1, turn(1, 2))

    stored = account.store.get(task.ref)
    assert stored is not None
    assert stored.events == (*task.events, events.turn(NOW, 1, ["Read"]))


def test_an_event_takes_the_place_of_the_one_before(store: TaskStore) -> None:
    task = running(store)
    store.advance(task.ref, 1, turn(1, 2))
    instead = Event(NOW + 1, EventType.TOOL, {"tool": "Write"}, skipped=1)

    result = store.advance(task.ref, 1, Advance(NOW + 1, event=IndexedEvent(2, instead)))
    ended = canceled(store, task, NOW)

    assert isinstance(result, Written)
    assert result.task.events == (*task.events, instead)
    assert events.last_number(ended.events) == 5


@pytest.mark.parametrize("times", [1, 2])
def test_a_claim_that_came_to_nothing_leaves_no_trace_in_a_full_list(store: TaskStore, times: int) -> None:
    many = (events.accepted(NOW),) * FULL
    before = given_back(store, claimed(store, created(store, events=many), NOW), keeps_attempt=True)
    task = claimed(store, before, NOW)
    release = Release(NOW + 5, NOW + 5, NOW + 9, (), keeps_attempt=True, known_events=task.events)

    for _ in range(times):
        result = store.release(task.ref, 2, release)

    details = {"status": "pending", "reason": "handed_over"}
    assert isinstance(result, Written)
    known_events = Event(NOW + 5, EventType.STATUS, details, skipped=2)
    assert result.task.events == (*before.events[:-1], known_events)
    assert store.get(task.ref) == result.task


def test_a_refused_write_tells_nothing(store: TaskStore) -> None:
    task = given_back(store, running(store))

    store.advance(task.ref, 1, turn(1, 3))
    store.finish(task.ref, FAILED, guard_of_worker(1))
    store.claim(task.ref, Claim("late", task.deadline, WORKER, 1))

    assert store.get(task.ref) == task


def test_what_changes_no_state_tells_nothing(store: TaskStore) -> None:
    task = running(store)
    store.advance(task.ref, 1, Advance(NOW, turns=1))
    store.reschedule(task.ref, task.due_at or 0, NOW + 1)
    waiting = given_back(store, task, keeps_attempt=True, awaits=CHILDREN)
    store.wake(task.ref, 1, NOW)

    stored = store.get(task.ref)
    assert stored is not None
    assert stored.events == waiting.events
    ended = canceled(store, claimed(store, stored, NOW), NOW)
    attached = store.add_partial_output(task.ref, 2, None, ())
    assert isinstance(attached, Written)
    assert attached.task.events == ended.events
