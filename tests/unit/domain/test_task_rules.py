"""The rules of a task: its transitions, its guards, who may claim it, and when it is looked at."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.guards import (
    guard_of_cancel,
    guard_of_completion,
    guard_of_dead_letter,
    guard_of_expiry,
    guard_of_loss,
    guard_of_worker,
)
from a2a_tasks.domain.ids import task_id
from a2a_tasks.domain.schedule import (
    CHILD_CHECK_MS,
    DISPATCH_GRACE_MS,
    LONG_BACKLOG,
    LONG_WAIT_MS,
    MAX_BACKLOG_GAP_MS,
    MAX_CHILD_CHECK_MS,
    MAX_QUEUE_DELAY_MS,
    MAX_RESEND_GAP_MS,
    SWEEP_AHEAD_MS,
    claimable,
    due_after_create,
    due_after_release,
    due_after_resend,
    due_after_take_over,
    due_while_awaiting,
    may_be_lost,
)
from a2a_tasks.domain.task import (
    LIVE,
    TERMINAL,
    TRANSITIONS,
    Budget,
    Lane,
    Outcome,
    Payload,
    Status,
    Task,
    TaskRef,
    iso8601,
)
from a2a_tasks.domain.usage import Usage

CREATED = 1_000_000
DEADLINE = CREATED + 300_000


def task(status: Status = Status.PENDING, **changes: object) -> Task:
    made = Task(
        ref=TaskRef("writer", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        project_id="demo",
        status=status,
        created_at=CREATED,
        updated_at=CREATED,
        deadline=DEADLINE,
        input=Payload(inline="{}"),
        agent_revision=1,
        model="m",
        max_attempts=3,
        correlation_id="c",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def running(fence: int = 1, **changes: object) -> Task:
    return task(Status.RUNNING, fence=fence, attempt=fence, held_by="worker", **changes)


def test_every_status_is_live_or_terminal_and_has_its_transitions() -> None:
    assert set(Status) == TERMINAL | LIVE
    assert not TERMINAL & LIVE
    assert set(TRANSITIONS) == set(Status)


def test_terminal_states_are_final_and_live_ones_can_always_fail_or_be_canceled() -> None:
    for status, successors in TRANSITIONS.items():
        if status in TERMINAL:
            assert not successors
        else:
            assert {Status.FAILED, Status.CANCELED} <= successors


def test_only_a_running_task_completes() -> None:
    assert [s for s in Status if Status.COMPLETED in TRANSITIONS[s]] == [Status.RUNNING]


@pytest.mark.parametrize("status", list(Status))
def test_guards_allow_only_transitions_of_the_table(status: Status) -> None:
    """Whatever a guard lets through, the end it stands for is in the table."""
    for at in (CREATED, DEADLINE, DEADLINE + 1):
        stored = running() if status is Status.RUNNING else task(status)
        ends = {
            guard_of_worker(1): Status.FAILED,
            guard_of_completion(1, at): Status.COMPLETED,
            guard_of_cancel(at): Status.CANCELED,
            guard_of_expiry(at): Status.FAILED,
            guard_of_loss(1): Status.FAILED,
            guard_of_dead_letter(stored.fence): Status.FAILED,
        }
        for guard, end in ends.items():
            assert not guard.allows(stored) or end in TRANSITIONS[status]


def test_a_stale_worker_writes_nothing() -> None:
    assert guard_of_worker(2).allows(running(2))
    assert not guard_of_worker(1).allows(running(2))
    assert not guard_of_worker(2).allows(task(Status.PENDING, fence=2))


def test_at_the_deadline_a_task_times_out_and_does_nothing_else() -> None:
    for now in (DEADLINE - 1, DEADLINE, DEADLINE + 1):
        in_time = now < DEADLINE
        assert guard_of_completion(1, now).allows(running()) == in_time
        assert guard_of_cancel(now).allows(running()) == in_time
        assert guard_of_expiry(now).allows(running()) != in_time
        assert claimable(task(), now) == in_time
        assert task().is_expired(now) != in_time
    assert not task(Status.COMPLETED).is_expired(DEADLINE)


def test_a_task_is_given_up_only_as_it_was_seen() -> None:
    for guard in (guard_of_loss(1), guard_of_dead_letter(1)):
        assert guard.allows(running(1))
        assert not guard.allows(running(2)), "taken over since"
    assert guard_of_dead_letter(1).allows(task(fence=1))
    assert not guard_of_dead_letter(0).allows(running(1)), "claimed since"
    assert not guard_of_loss(1).allows(task(fence=1)), "given back since"


def test_who_may_be_claimed() -> None:
    now = CREATED + 10
    assert claimable(task(), now)
    assert claimable(task(not_before=now), now)
    assert not claimable(task(not_before=now + 1), now)
    assert claimable(running(), now), "once its worker is dead"
    assert not claimable(running(max_attempts=1), now)
    assert not claimable(running(lane=Lane.BATCH), now), "its batch has it until its deadline"
    assert not claimable(task(attempt=3), now)
    assert not claimable(task(Status.INPUT_REQUIRED), now)
    for status in TERMINAL:
        assert not claimable(task(status), now)


def test_what_waits_for_others_is_not_claimed_until_they_have_ended() -> None:
    other = TaskRef("helper", "017f22e2-79b0-7cc3-98c4-dc0c0c07398e")
    assert not claimable(task(awaits=(other,)), CREATED)


def test_a_question_is_left_to_its_caller_until_the_longest_wait_is_over() -> None:
    asking = task(Status.INPUT_REQUIRED)
    assert not guard_of_dead_letter(0).allows(asking)
    assert not guard_of_expiry(DEADLINE - 1).allows(asking)
    assert guard_of_expiry(DEADLINE).allows(asking)
    assert guard_of_cancel(CREATED).allows(asking)


def test_a_worker_stops_with_its_own_end_and_learns_of_any_other() -> None:
    assert guard_of_worker(1).by_holder
    assert guard_of_completion(1, CREATED).by_holder
    assert guard_of_expiry(CREATED, 1).by_holder
    others = (guard_of_cancel(1), guard_of_expiry(1), guard_of_loss(1), guard_of_dead_letter(1))
    assert not any(guard.by_holder for guard in others)


@pytest.mark.parametrize(
    ("budget", "used", "over"),
    [
        (Budget(), Usage(10**9, cost_usd=Decimal(10**6)), False),
        (Budget(Decimal(1)), Usage(1, cost_usd=Decimal("0.999999")), False),
        (Budget(Decimal(1)), Usage(1, cost_usd=Decimal(1)), True),
        (Budget(Decimal(1)), Usage(10**9), False),
        (Budget(tokens=10), Usage(1, 2, 3, 3), False),
        (Budget(tokens=10), Usage(1, 2, 3, 4), True),
        (Budget(Decimal(1), 10), Usage(1, cost_usd=Decimal(2)), True),
        (Budget(Decimal(0)), Usage(), True),
    ],
)
def test_when_a_budget_is_used_up(budget: Budget, used: Usage, over: bool) -> None:
    assert budget.is_used_up(used) is over


TIMES = st.integers(0, 10_000_000)


@given(TIMES, TIMES)
def test_a_delayed_task_is_looked_at_between_its_creation_and_its_deadline(delay: int, timeout: int) -> None:
    start = CREATED + delay
    due = due_after_create(CREATED, start + timeout, start)
    assert due >= CREATED
    assert due <= start + timeout


@given(TIMES, TIMES)
def test_a_task_is_always_looked_at_by_its_deadline(moment: int, timeout: int) -> None:
    deadline = CREATED + timeout
    waiting = task(deadline=deadline)
    for due in (
        due_after_create(moment, deadline),
        due_while_awaiting(moment, deadline),
        due_after_take_over(moment, deadline),
        due_after_release(moment, deadline),
        due_after_resend(waiting, CREATED + moment),
    ):
        assert due <= deadline


def test_when_it_is_looked_at_before() -> None:
    far = CREATED + 100_000_000
    assert due_after_create(CREATED, far) == CREATED + DISPATCH_GRACE_MS
    assert due_after_take_over(CREATED, far) == CREATED + DISPATCH_GRACE_MS
    assert due_after_release(CREATED, far) == CREATED + DISPATCH_GRACE_MS
    assert due_while_awaiting(CREATED, far) == CREATED + CHILD_CHECK_MS


def test_a_delayed_task_is_looked_at_after_its_message_or_in_time_to_send_one() -> None:
    far = CREATED + 100_000_000
    soon, later = CREATED + MAX_QUEUE_DELAY_MS, CREATED + MAX_QUEUE_DELAY_MS + 1
    assert due_after_create(CREATED, far, soon) == soon + DISPATCH_GRACE_MS
    assert due_after_create(CREATED, far, later) == later - SWEEP_AHEAD_MS


@pytest.mark.parametrize(
    ("backlog", "most"), [(LONG_BACKLOG - 1, MAX_RESEND_GAP_MS), (LONG_BACKLOG, MAX_BACKLOG_GAP_MS)]
)
def test_a_waiting_task_is_sent_again_ever_less_often(backlog: int, most: int) -> None:
    waiting = task(deadline=CREATED + 100_000_000)
    gaps: list[int] = []
    now = due_after_create(CREATED, waiting.deadline)
    for _ in range(10):
        later = due_after_resend(waiting, now, backlog)
        gaps.append(later - now)
        now = later
    assert gaps == sorted(gaps)
    assert gaps[0] == DISPATCH_GRACE_MS
    assert most <= gaps[-1] <= 1.5 * most


def test_what_counts_is_how_long_a_task_has_waited_since_it_last_ran() -> None:
    given_back = task(deadline=CREATED + 100_000_000, updated_at=CREATED + 50_000_000)
    now = CREATED + 50_000_000 + DISPATCH_GRACE_MS
    assert due_after_resend(given_back, now) == now + DISPATCH_GRACE_MS


def test_tasks_that_came_together_are_not_sent_again_together() -> None:
    now = CREATED + MAX_RESEND_GAP_MS
    many = [
        replace(task(deadline=2**60), ref=TaskRef("writer", task_id(CREATED, n.to_bytes(10))))
        for n in range(100)
    ]
    later = [due_after_resend(each, now) for each in many]
    assert len(set(later)) > 90
    assert max(later) - min(later) > MAX_RESEND_GAP_MS / 4


@pytest.mark.parametrize(
    ("waited_ms", "backlog", "may"),
    [
        (DISPATCH_GRACE_MS, LONG_BACKLOG - 1, True),
        (DISPATCH_GRACE_MS, LONG_BACKLOG, False),
        (LONG_WAIT_MS - 1, 10**6, False),
        (LONG_WAIT_MS, 10**6, True),
    ],
)
def test_whether_a_message_may_be_lost(waited_ms: int, backlog: int, may: bool) -> None:
    waiting = task(deadline=CREATED + 100_000_000)
    assert may_be_lost(waiting, CREATED + waited_ms, backlog) is may


def test_a_task_that_waits_for_others_is_looked_at_ever_less_often() -> None:
    far, gaps, now = CREATED + 100_000_000, [], due_while_awaiting(CREATED, CREATED + 100_000_000)
    for _ in range(10):
        later = due_while_awaiting(now, far, since=CREATED)
        gaps.append(later - now)
        now = later
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (CHILD_CHECK_MS, MAX_CHILD_CHECK_MS)


@pytest.mark.parametrize("status", sorted(LIVE))
def test_an_outcome_ends_a_task(status: Status) -> None:
    with pytest.raises(ValueError, match=f"{status} does not end a task"):
        Outcome(status, at=1, finish_id="f", retain_until=2)


def test_times_on_the_wire() -> None:
    assert iso8601(0) == "1970-01-01T00:00:00.000Z"
    assert iso8601(1_767_225_600_123) == "2026-01-01T00:00:00.123Z"
