"""The contract of ``TaskStore`` for a task's two clocks: the same on DynamoDB and in memory."""

from dataclasses import replace

import pytest

from a2a_tasks.domain.guards import guard_of_completion, guard_of_expiry
from a2a_tasks.domain.schedule import Clocks
from a2a_tasks.domain.task import Slot, Status, Task
from a2a_tasks.ports.tasks import Claim, Refused, TaskStore, Written
from tests.integration.support.account import AGENT, Account
from tests.integration.support.stored_task import DAY_MS, NOW, WORKER, created, outcome
from tests.integration.support.task_units import task_units

RUN_MS = 60_000
STARTED = NOW + 3_600_000
RUNS = Clocks(STARTED + RUN_MS, DAY_MS - 3_600_000)


def waiting(store: TaskStore, **changes: int) -> Task:
    fields = {"deadline": NOW + DAY_MS, "timeout_ms": RUN_MS, "paused_ms": RUN_MS, "due_at": NOW + 1}
    return created(store, **fields | changes)


def started(store: TaskStore, task: Task, **changes: int | None) -> Written | Refused:
    claim = Claim("claim", STARTED, WORKER, task.fence, clocks=RUNS)
    return store.claim(task.ref, replace(claim, **changes))  # type: ignore[arg-type]


def test_a_start_stops_the_one_clock_for_the_other(store: TaskStore) -> None:
    task = waiting(store)

    result = started(store, task)

    assert isinstance(result, Written)
    assert result.task == store.get(task.ref)
    assert (result.task.deadline, result.task.queue_left_ms, result.task.paused_ms) == (
        RUNS.deadline,
        RUNS.left_ms,
        None,
    )
    assert not result.task.waits_for_start


def test_a_claim_without_clocks_leaves_them(store: TaskStore) -> None:
    task = waiting(store)

    result = started(store, task, clocks=None)

    assert isinstance(result, Written)
    assert (result.task.deadline, result.task.queue_left_ms) == (task.deadline, None)


def test_a_slot_is_given_to_who_has_waited_longer_than_it_may_run(store: TaskStore) -> None:
    task = waiting(store)

    assert isinstance(store.grant(task.ref, 0, STARTED, Slot(7, 0, STARTED), None), Written)
    expired = waiting(store, deadline=STARTED)
    assert isinstance(store.grant(expired.ref, 0, STARTED, Slot(8, 0, STARTED), None), Refused)


def test_nothing_starts_after_its_waiting_time(store: TaskStore) -> None:
    assert isinstance(started(store, waiting(store, deadline=STARTED)), Refused)


@pytest.mark.parametrize(("due_at", "is_taken"), [(RUNS.deadline, True), (RUNS.deadline + 1, False)])
def test_a_task_that_is_due_after_its_new_deadline_is_not_taken(
    store: TaskStore, due_at: int, is_taken: bool
) -> None:
    task = waiting(store, due_at=due_at)

    assert isinstance(started(store, task), Written) is is_taken
    if not is_taken:
        assert isinstance(started(store, task, due_at=RUNS.deadline), Written)


@pytest.mark.parametrize(("later", "is_moved"), [(0, True), (1, False)])
def test_nothing_is_due_later_than_its_deadline(store: TaskStore, later: int, is_moved: bool) -> None:
    task = waiting(store)
    started(store, task)

    assert store.reschedule(task.ref, task.due_at or 0, RUNS.deadline + later) is is_moved


def test_ends_are_judged_by_the_clock_that_runs(store: TaskStore) -> None:
    task = waiting(store)
    started(store, task)
    late = RUNS.deadline

    early = store.finish(task.ref, outcome(Status.FAILED), guard_of_expiry(late - 1))
    completion = store.finish(task.ref, outcome(Status.COMPLETED), guard_of_completion(1, late))

    assert isinstance(early, Refused)
    assert isinstance(completion, Refused)
    assert isinstance(store.finish(task.ref, outcome(Status.FAILED), guard_of_expiry(late)), Written)


def test_what_runs_too_long_is_among_the_failed_before_anybody_settles_it(store: TaskStore) -> None:
    task = waiting(store)
    started(store, task)

    before = store.page(AGENT, Status.FAILED, 10, None, RUNS.deadline - 1)
    after = store.page(AGENT, Status.FAILED, 10, None, RUNS.deadline)

    assert (before.tasks, [found.ref for found in after.tasks]) == ([], [task.ref])


def test_a_start_costs_no_write_of_an_index(account: Account) -> None:
    task, units = waiting(account.store), task_units()

    with units.metering():
        started(account.store, task)

    assert units.take()[0] == 1
