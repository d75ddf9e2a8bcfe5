"""The contract of ``TaskStore`` for work in several turns: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import (
    Guard,
    guard_of_cancel,
    guard_of_completion,
    guard_of_dead_letter,
    guard_of_expiry,
    guard_of_loss,
    guard_of_worker,
)
from a2a_tasks.domain.history.event import Event, EventType
from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.domain.schedule import GRANT_MS
from a2a_tasks.domain.task import (
    LIVE,
    TERMINAL,
    Artifact,
    Payload,
    Progress,
    Question,
    Slot,
    Status,
    Task,
    TaskRef,
)
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import Advance, Claim, InputRequest, Refused, Release, TaskStore, Written
from tests.integration.support.stored_task import (
    DAY_MS,
    LEFT_MS,
    NOW,
    QUESTION,
    STATES,
    WORKER,
    asking,
    canceled,
    claimed,
    completed,
    created,
    given_back,
    guard_name,
    new_task,
    outcome,
)

SPENT = (Spent(1, "claude-sonnet-5-5", Usage(10, 20, 3, 4, 2, Decimal("0.012345"))),)
MORE = (*SPENT, Spent(1, "claude-opus-5-5", Usage(1, 1, turns=1), new_task(number=3).ref.task_id))
CHILDREN = (new_task(number=1).ref, TaskRef("helper", new_task(number=2).ref.task_id))
OUTPUT = Payload(inline='{"result":"so far","partial":true}')
FAILED = outcome(Status.FAILED, finish_id="worker")
PAUSE = InputRequest(NOW + 9, QUESTION, NOW + DAY_MS, LEFT_MS)

type Write = Callable[[TaskStore, TaskRef, int], Written | Refused]

BY_WORKER: dict[str, Write] = {
    "advance": lambda store, ref, fence: store.advance(ref, fence, Advance(NOW, turns=9)),
    "release": lambda store, ref, fence: store.release(ref, fence, Release(NOW, NOW, NOW + 1, SPENT)),
    "pause": lambda store, ref, fence: store.request_input(ref, fence, PAUSE),
    "finish": lambda store, ref, fence: store.finish(ref, FAILED, guard_of_worker(fence)),
}
"""Writes that only the worker which holds a task may make."""


def told(at: int, **details: str) -> Event:
    return Event(at, EventType.STATUS, details)


def running(store: TaskStore) -> Task:
    return claimed(store, created(store), NOW)


def awaiting(store: TaskStore) -> Task:
    return given_back(store, running(store), keeps_attempt=True, awaits=CHILDREN)


def stored(store: TaskStore, task: Task) -> Task:
    current = store.get(task.ref)
    assert current is not None
    return current


def due_at(store: TaskStore, task: Task) -> list[int]:
    entries = [due for n in range(SHARDS) for due in store.due(n, NOW + 10**10, 100)]
    return [due.due_at for due in entries if due.ref == task.ref]


# ---------------------------------------------------------------- what holds for all of a worker's writes


@pytest.mark.parametrize("write", BY_WORKER.values(), ids=BY_WORKER.keys())
@pytest.mark.parametrize("fence", [0, 1, 3])
def test_only_the_worker_of_the_last_claim_writes(store: TaskStore, write: Write, fence: int) -> None:
    successor = claimed(store, running(store), NOW, claim_id="successor")

    assert write(store, successor.ref, fence) == Refused(successor)
    assert stored(store, successor) == successor
    assert isinstance(write(store, successor.ref, 2), Written)


@pytest.mark.parametrize("write", BY_WORKER.values(), ids=BY_WORKER.keys())
def test_a_worker_that_gave_the_task_back_writes_nothing_once_another_has_it(
    store: TaskStore, write: Write
) -> None:
    successor = claimed(store, given_back(store, running(store)), NOW, claim_id="successor")

    assert write(store, successor.ref, 1) == Refused(successor)
    assert stored(store, successor) == successor


@pytest.mark.parametrize("write", BY_WORKER.values(), ids=BY_WORKER.keys())
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_what_has_ended_is_worked_on_no_more(store: TaskStore, write: Write, status: Status) -> None:
    ended = STATES[status](store, created(store), NOW)

    assert write(store, ended.ref, ended.fence) == Refused(ended)
    assert stored(store, ended) == ended


# ---------------------------------------------------------------- advance


def test_an_advance_notes_what_it_names(store: TaskStore) -> None:
    task = running(store)
    progress = Progress("WebSearch", "Reading 报告", 40)
    artifacts = (
        Artifact("call-2", "报告.md", "text/markdown", size_bytes=12, key="tasks/x/artifact-1-call-2"),
        Artifact("call-3", "page", "text/html", url="https://example.com/"),
    )

    result = store.advance(
        task.ref, 1, Advance(NOW + 7, spent=MORE, turns=2, progress=progress, artifacts=artifacts)
    )

    expected = replace(task, updated_at=NOW + 7, spent=MORE, turns=2, progress=progress, artifacts=artifacts)
    assert result == Written(expected)
    assert stored(store, task) == expected


@pytest.mark.parametrize(
    "change",
    [
        Advance(NOW + 8, spent=MORE),
        Advance(NOW + 8, turns=3),
        Advance(NOW + 8, progress=Progress(tool="Write")),
        Advance(NOW + 8, artifacts=()),
        Advance(NOW + 8),
    ],
    ids=str,
)
def test_an_advance_leaves_the_rest_as_it_is(store: TaskStore, change: Advance) -> None:
    task = running(store)
    artifacts = (Artifact("call-2", "a", "text/plain", url="https://example.com/"),)
    before = Advance(NOW, spent=SPENT, turns=1, progress=Progress("Read", "s", 5), artifacts=artifacts)
    store.advance(task.ref, 1, before)
    expected = replace(
        stored(store, task),
        **{name: value for name, value in vars(change).items() if name != "now" and value is not None},
        updated_at=NOW + 8,
    )

    assert store.advance(task.ref, 1, change) == Written(expected)
    assert stored(store, task) == expected


def test_an_advance_made_twice_is_made_once(store: TaskStore) -> None:
    task = running(store)
    change = Advance(NOW + 1, spent=SPENT, turns=1)

    first = store.advance(task.ref, 1, change)

    assert isinstance(first, Written)
    assert first.task.turns == 1
    assert store.advance(task.ref, 1, change) == first
    assert stored(store, task) == first.task


def test_an_advance_does_not_move_the_due_time(store: TaskStore) -> None:
    task = running(store)
    before = due_at(store, task)

    store.advance(task.ref, 1, Advance(NOW + 7, turns=2))

    assert due_at(store, task) == before == [task.due_at]


@pytest.mark.parametrize("status", sorted(LIVE - {Status.RUNNING}))
def test_a_task_that_nobody_works_on_does_not_advance(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    assert store.advance(task.ref, task.fence, Advance(NOW, turns=5)) == Refused(task)
    assert stored(store, task) == task


# ---------------------------------------------------------------- release


def test_a_task_given_back_waits_and_keeps_what_it_has_spent(store: TaskStore) -> None:
    task = running(store)

    result = store.release(task.ref, 1, Release(NOW + 1, NOW + 2_000, NOW + 32_000, SPENT))

    expected = replace(
        task,
        status=Status.PENDING,
        held_by=None,
        not_before=NOW + 2_000,
        due_at=NOW + 32_000,
        updated_at=NOW + 1,
        spent=SPENT,
        events=(*task.events, told(NOW + 1, status="pending", reason="retry")),
    )
    assert result == Written(expected)
    assert stored(store, task) == expected
    assert due_at(store, task) == [NOW + 32_000]


def test_a_task_handed_over_goes_on_as_the_same_attempt(store: TaskStore) -> None:
    task = claimed(store, created(store, max_attempts=1), NOW)

    for fence in range(1, 5):
        given = given_back(store, task, keeps_attempt=True)
        assert (given.attempt, given.fence) == (0, fence)
        task = claimed(store, given, NOW + fence, claim_id=f"claim-{fence}")
        assert (task.attempt, task.fence, task.started_at) == (1, fence + 1, NOW)


def test_an_attempt_that_is_not_kept_counts(store: TaskStore) -> None:
    task = claimed(store, created(store, max_attempts=1), NOW)

    given = given_back(store, task)

    assert given.attempt == 1
    assert store.claim(task.ref, Claim("again", NOW, WORKER, 1)) == Refused(given)


def test_a_task_that_awaits_others_is_not_claimed_until_it_is_woken(store: TaskStore) -> None:
    task = awaiting(store)

    assert (task.status, task.awaits, task.attempt) == (Status.PENDING, CHILDREN, 0)
    assert store.claim(task.ref, Claim("early", NOW, WORKER, 1)) == Refused(task)
    store.wake(task.ref, 1, NOW)
    assert isinstance(store.claim(task.ref, Claim("late", NOW, WORKER, 1)), Written)


@pytest.mark.parametrize("keeps_attempt", [True, False])
@pytest.mark.parametrize("awaits", [(), CHILDREN])
def test_a_release_whose_answer_was_lost_knows_itself(
    store: TaskStore, keeps_attempt: bool, awaits: tuple[TaskRef, ...]
) -> None:
    task = running(store)
    release = Release(NOW, NOW, NOW + 9, SPENT, keeps_attempt, awaits)

    first = store.release(task.ref, 1, release)

    assert isinstance(first, Written)
    assert store.release(task.ref, 1, release) == first
    assert stored(store, task) == first.task


# ---------------------------------------------------------------- wake


def test_a_woken_task_may_go_on(store: TaskStore) -> None:
    task = awaiting(store)

    result = store.wake(task.ref, 1, NOW + 5)

    assert result == Written(replace(task, awaits=(), updated_at=NOW + 5))
    assert stored(store, task) == result.task
    assert due_at(store, task) == [task.due_at]


def test_of_many_that_wake_a_task_one_does(store: TaskStore) -> None:
    task = awaiting(store)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: store.wake(task.ref, 1, NOW + n), range(8)))

    assert sum(isinstance(result, Written) for result in results) == 1


@pytest.mark.parametrize("fence", [0, 2])
def test_a_task_that_waits_since_another_claim_is_not_woken(store: TaskStore, fence: int) -> None:
    task = awaiting(store)

    assert store.wake(task.ref, fence, NOW) == Refused(task)
    assert stored(store, task) == task


@pytest.mark.parametrize("status", sorted(Status))
def test_a_task_that_awaits_nobody_is_not_woken(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    assert store.wake(task.ref, task.fence, NOW + 1_000_000) == Refused(task)
    assert stored(store, task) == task


# ---------------------------------------------------------------- pause and resume


def test_a_paused_task_asks_and_has_time_for_the_answer(store: TaskStore) -> None:
    task = running(store)

    result = store.request_input(task.ref, 1, PAUSE)

    expected = replace(
        task,
        status=Status.INPUT_REQUIRED,
        question=QUESTION,
        deadline=NOW + DAY_MS,
        due_at=NOW + DAY_MS,
        paused_ms=LEFT_MS,
        updated_at=NOW + 9,
        attempt=0,
        held_by=None,
        events=(*task.events, told(NOW + 9, status="input_required")),
    )
    assert result == Written(expected)
    assert stored(store, task) == expected
    assert due_at(store, task) == [NOW + DAY_MS]


def test_a_pause_whose_answer_was_lost_knows_itself(store: TaskStore) -> None:
    task = running(store)

    first = store.request_input(task.ref, 1, PAUSE)

    assert isinstance(first, Written)
    assert store.request_input(task.ref, 1, PAUSE) == first
    assert stored(store, task) == first.task


@pytest.mark.parametrize("status", [Status.PENDING, *sorted(TERMINAL)])
def test_only_a_running_task_asks(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    # a pending one of the same fence was given back: its worker has nothing more to ask
    assert store.request_input(task.ref, task.fence, PAUSE) == Refused(task)
    assert stored(store, task) == task


def test_an_answered_task_goes_on_with_the_time_that_it_had_left(store: TaskStore) -> None:
    task = asking(store, created(store), NOW)
    now = NOW + 3_600_000

    result = store.resume(task.ref, QUESTION.call_id, now)

    expected = replace(
        task,
        status=Status.PENDING,
        deadline=now + LEFT_MS,
        due_at=now + 30_000,
        updated_at=now,
        question=None,
        paused_ms=None,
        events=(*task.events, told(now, status="pending", reason="answered")),
        answered=("TURN#0000#TOOL#call-1",),
    )
    assert result == Written(expected)
    assert stored(store, task) == expected
    assert due_at(store, task) == [now + 30_000]
    resumed = claimed(store, expected, now)
    assert (resumed.attempt, resumed.fence) == (1, 2)


def test_a_resumed_task_with_little_time_left_is_due_at_its_deadline(store: TaskStore) -> None:
    task = running(store)
    store.request_input(task.ref, 1, replace(PAUSE, left_ms=1_000))

    result = store.resume(task.ref, QUESTION.call_id, NOW)

    assert isinstance(result, Written)
    assert (result.task.deadline, result.task.due_at) == (NOW + 1_000, NOW + 1_000)


def test_an_answer_to_another_question_resumes_nothing(store: TaskStore) -> None:
    task = asking(store, created(store), NOW, Question("call-2", "And which street?"))

    assert store.resume(task.ref, QUESTION.call_id, NOW) == Refused(task)
    assert stored(store, task) == task


@pytest.mark.parametrize("offset", [0, 1])
def test_an_answer_at_the_end_of_the_wait_comes_too_late(store: TaskStore, offset: int) -> None:
    task = asking(store, created(store), NOW)

    assert store.resume(task.ref, QUESTION.call_id, task.deadline + offset) == Refused(task)
    assert isinstance(store.resume(task.ref, QUESTION.call_id, task.deadline - 1), Written)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.INPUT_REQUIRED}))
def test_a_task_that_does_not_ask_is_not_resumed(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    assert store.resume(task.ref, QUESTION.call_id, NOW) == Refused(task)
    assert stored(store, task) == task


def test_a_question_of_a_task_that_has_ended_is_not_answered(store: TaskStore) -> None:
    ended = canceled(store, asking(store, created(store), NOW), NOW)

    assert ended.question is None
    assert store.resume(ended.ref, QUESTION.call_id, NOW) == Refused(ended)
    assert stored(store, ended) == ended


def test_of_two_answers_one_resumes_the_task(store: TaskStore) -> None:
    task = asking(store, created(store), NOW)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: store.resume(task.ref, QUESTION.call_id, NOW + n), range(8)))

    winners = [result.task for result in results if isinstance(result, Written)]
    assert len(winners) == 1
    assert stored(store, task) == winners[0]


def test_a_second_question_is_asked_like_the_first(store: TaskStore) -> None:
    task = asking(store, created(store), NOW)
    store.resume(task.ref, QUESTION.call_id, NOW)
    again = claimed(store, stored(store, task), NOW, claim_id="second")
    second = Question("call-9", "Which street?")

    result = store.request_input(task.ref, 2, replace(PAUSE, question=second))

    assert isinstance(result, Written)
    assert (result.task.question, result.task.attempt, result.task.fence) == (second, again.attempt - 1, 2)
    assert isinstance(store.resume(task.ref, QUESTION.call_id, NOW), Refused)
    assert isinstance(store.resume(task.ref, "call-9", NOW), Written)
    assert stored(store, task).answered == ("TURN#0000#TOOL#call-1", "TURN#0000#TOOL#call-9")


# ---------------------------------------------------------------- ends by others, and what the worker adds


@pytest.mark.parametrize(
    ("guard", "holder"),
    [
        (guard_of_worker(1), None),
        (guard_of_completion(1, NOW), None),
        (guard_of_expiry(NOW + 300_000, 1), None),
        (guard_of_cancel(NOW), WORKER),
        (guard_of_expiry(NOW + 300_000), WORKER),
        (guard_of_loss(1), WORKER),
        (guard_of_dead_letter(1), WORKER),
    ],
    ids=guard_name,
)
def test_an_end_by_others_names_the_worker_until_it_notices(
    store: TaskStore, guard: Guard, holder: str | None
) -> None:
    task = running(store)

    result = store.finish(task.ref, outcome(Status.FAILED), guard)

    assert isinstance(result, Written)
    assert result.task.held_by == stored(store, task).held_by == holder


def test_an_end_keeps_what_it_does_not_name(store: TaskStore) -> None:
    task = running(store)
    artifacts = (Artifact("call-2", "a", "text/plain", url="https://example.com/"),)
    store.advance(task.ref, 1, Advance(NOW, spent=SPENT, turns=3, artifacts=artifacts))

    ended = canceled(store, stored(store, task), NOW)

    assert (ended.spent, ended.turns, ended.artifacts) == (SPENT, 3, artifacts)


@pytest.mark.parametrize("status", [Status.CANCELED, Status.FAILED])
def test_a_worker_adds_what_it_had_when_others_ended_its_task(store: TaskStore, status: Status) -> None:
    ended = STATES[status](store, running(store), NOW)

    result = store.add_partial_output(ended.ref, 1, OUTPUT, MORE)

    assert result == Written(replace(ended, output=OUTPUT, spent=MORE, held_by=None))
    assert stored(store, ended) == result.task
    assert due_at(store, ended) == []


def test_without_output_the_costs_are_added_all_the_same(store: TaskStore) -> None:
    ended = canceled(store, running(store), NOW)

    result = store.add_partial_output(ended.ref, 1, None, MORE)

    assert result == Written(replace(ended, spent=MORE, held_by=None))


@pytest.mark.parametrize("output", [OUTPUT, None])
def test_what_a_worker_had_is_added_once(store: TaskStore, output: Payload | None) -> None:
    ended = canceled(store, running(store), NOW)
    first = store.add_partial_output(ended.ref, 1, output, SPENT)
    assert isinstance(first, Written)

    assert store.add_partial_output(ended.ref, 1, Payload(inline="{}"), MORE) == Refused(first.task)
    assert stored(store, ended) == first.task


def test_an_output_that_others_have_stored_is_not_replaced(store: TaskStore) -> None:
    task = running(store)
    failed = outcome(Status.FAILED, output=OUTPUT)
    ended = store.finish(task.ref, failed, guard_of_expiry(NOW + 300_000))
    assert isinstance(ended, Written)
    assert ended.task.held_by == WORKER

    assert store.add_partial_output(task.ref, 1, Payload(inline="{}"), MORE) == Refused(ended.task)
    assert stored(store, task) == ended.task


@pytest.mark.parametrize("fence", [0, 1, 3])
def test_an_earlier_worker_adds_nothing(store: TaskStore, fence: int) -> None:
    ended = canceled(store, claimed(store, running(store), NOW, claim_id="successor"), NOW)

    assert store.add_partial_output(ended.ref, fence, OUTPUT, MORE) == Refused(ended)
    assert stored(store, ended) == ended


def test_nothing_is_added_to_an_end_by_the_worker_itself(store: TaskStore) -> None:
    done = completed(store, created(store), NOW, Payload(inline='{"result":"42"}'), SPENT)
    failure = Failure(FailureCode.MODEL_REFUSED, "No.")
    other = claimed(store, created(store, number=1), NOW)
    result = store.finish(other.ref, outcome(Status.FAILED, failure=failure), guard_of_worker(1))
    assert isinstance(result, Written)

    for ended in (done, result.task):
        assert store.add_partial_output(ended.ref, ended.fence, OUTPUT, MORE) == Refused(ended)
        assert stored(store, ended) == ended


@pytest.mark.parametrize("status", sorted(LIVE))
def test_nothing_is_added_to_a_live_task(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    assert store.add_partial_output(task.ref, task.fence, OUTPUT, MORE) == Refused(task)
    assert stored(store, task) == task


@pytest.mark.parametrize("status", sorted(STATES))
def test_a_task_can_be_watched_until_it_has_ended(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    result = store.enable_live(task.ref)

    if status in TERMINAL:
        assert result == Refused(task)
    else:
        assert result == Written(replace(task, live=True))
    assert stored(store, task).live is (status in LIVE)


def test_nobody_can_watch_a_task_that_does_not_exist(store: TaskStore) -> None:
    assert store.enable_live(new_task().ref) == Refused(None)


@pytest.mark.parametrize("status", list(Status))
def test_a_tasks_changes_can_be_listened_to_in_every_state(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    assert store.enable_notifications(task.ref)
    assert store.enable_notifications(task.ref)

    assert stored(store, task) == replace(task, notifies=True)


def test_nobody_can_listen_to_a_task_that_does_not_exist(store: TaskStore) -> None:
    assert not store.enable_notifications(new_task().ref)
    assert store.get(new_task().ref) is None


# -- slots


def chosen(result: Written | Refused) -> Slot | None:
    assert isinstance(result, Written)
    return result.task.slot


def test_of_many_that_give_a_waiting_task_a_slot_one_does(store: TaskStore) -> None:
    task = created(store)

    with ThreadPoolExecutor(8) as pool:
        slots = [Slot(number, 0, NOW) for number in range(8)]
        results = list(pool.map(lambda slot: store.grant(task.ref, 0, NOW, slot, None), slots))

    (written,) = [result for result in results if isinstance(result, Written)]
    assert store.get(task.ref) == written.task == replace(task, slot=written.task.slot)


def test_who_gives_a_slot_again_knows_it(store: TaskStore) -> None:
    task, slot = created(store), Slot(7, 0, NOW)
    store.grant(task.ref, 0, NOW, slot, None)

    assert chosen(store.grant(task.ref, 0, NOW + 1, replace(slot, at=NOW + 1), None)) == Slot(7, 0, NOW + 1)


def test_a_slot_that_was_given_long_ago_is_replaced(store: TaskStore) -> None:
    task = created(store)
    store.grant(task.ref, 0, NOW, Slot(7, 0, NOW), None)
    later = NOW + GRANT_MS

    assert isinstance(store.grant(task.ref, 0, later - 1, Slot(8, 0, later - 1), None), Refused)
    assert isinstance(store.grant(task.ref, 0, later - 1, None, NOW + DAY_MS), Refused)
    assert chosen(store.grant(task.ref, 0, later, Slot(8, 0, later), None)) == Slot(8, 0, later)


def test_who_is_given_a_slot_may_be_made_due(store: TaskStore) -> None:
    task = created(store)

    result = store.grant(task.ref, 0, NOW, Slot(7, 0, NOW), task.deadline - 1)

    assert isinstance(result, Written)
    assert result.task.due_at == task.deadline - 1


def test_who_needs_no_slot_is_chosen_without_a_change(store: TaskStore) -> None:
    task = created(store)

    assert store.grant(task.ref, 0, NOW, None, None) == Written(task)
    assert isinstance(store.grant(task.ref, 1, NOW, None, None), Refused)
    assert store.get(task.ref) == task


def test_the_slot_of_an_earlier_claim_means_nothing(store: TaskStore) -> None:
    task = created(store)
    claim = Claim("c", NOW, WORKER, 0, slot=Slot(7, 0, NOW))
    taken = store.claim(task.ref, claim)
    assert chosen(taken) == Slot(7, 0, NOW)
    waiting = given_back(store, claimed_by(taken))

    assert waiting.slot == Slot(7, 0, NOW), "until it is claimed again"
    assert isinstance(store.grant(task.ref, 0, NOW, Slot(8, 0, NOW), None), Refused)
    assert chosen(store.grant(task.ref, 1, NOW, Slot(8, 1, NOW), None)) == Slot(8, 1, NOW)


def test_a_claim_without_a_slot_has_none(store: TaskStore) -> None:
    task = created(store)
    store.grant(task.ref, 0, NOW, Slot(7, 0, NOW), None)

    assert claimed(store, task, NOW).slot is None


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING}))
def test_a_task_that_does_not_wait_is_given_no_slot(store: TaskStore, status: Status) -> None:
    task = STATES[status](store, created(store), NOW)

    assert store.grant(task.ref, task.fence, NOW, Slot(7, task.fence, NOW), None) == Refused(task)


def test_a_task_that_waits_for_others_is_given_no_slot(store: TaskStore) -> None:
    task = awaiting(store)

    assert store.grant(task.ref, task.fence, NOW, Slot(7, task.fence, NOW), None) == Refused(task)


def test_a_withdrawn_slot_is_gone_and_no_other(store: TaskStore) -> None:
    task = created(store)
    store.grant(task.ref, 0, NOW, Slot(7, 0, NOW), None)

    store.withdraw(task.ref, Slot(8, 0, NOW))
    assert store.get(task.ref) == replace(task, slot=Slot(7, 0, NOW))
    store.withdraw(task.ref, Slot(7, 0, NOW))
    assert store.get(task.ref) == task
    running_with_slot = store.claim(task.ref, Claim("c", NOW, WORKER, 0, slot=Slot(9, 0, NOW)))
    store.withdraw(task.ref, Slot(9, 0, NOW))
    assert chosen(running_with_slot) == Slot(9, 0, NOW)
    assert store.get(task.ref) == claimed_by(running_with_slot)


def claimed_by(result: Written | Refused) -> Task:
    assert isinstance(result, Written)
    return result.task
