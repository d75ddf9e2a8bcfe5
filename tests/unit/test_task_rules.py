"""The rules of a task: its transitions, its guards, who may claim it, and when it is looked at."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import (
    DISPATCH_GRACE_MS,
    LEASE_GRACE_MS,
    LIVE,
    MAX_RESEND_GAP_MS,
    TERMINAL,
    TRANSITIONS,
    Outcome,
    Payload,
    Status,
    Task,
    TaskRef,
    claimable,
    due_after_claim,
    due_after_create,
    due_after_release,
    due_after_resend,
    guard_of_cancel,
    guard_of_completion,
    guard_of_dead_letter,
    guard_of_expiry,
    guard_of_loss,
    guard_of_worker,
    iso8601,
    to_wire,
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


def running(fence: int = 1, lease_until: int = CREATED + 45_000, **changes: object) -> Task:
    return task(Status.RUNNING, fence=fence, attempt=fence, lease_until=lease_until, **changes)


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
            guard_of_loss(1, at): Status.FAILED,
            guard_of_dead_letter(at): Status.FAILED,
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


def test_a_worker_is_given_up_only_when_its_lease_has_run_out() -> None:
    held = running(lease_until=CREATED + 100)
    for guard in (guard_of_loss(1, CREATED + 99), guard_of_dead_letter(CREATED + 99)):
        assert not guard.allows(held)
    for guard in (guard_of_loss(1, CREATED + 100), guard_of_dead_letter(CREATED + 100)):
        assert guard.allows(held)
    assert not guard_of_loss(2, CREATED + 100).allows(held)
    assert guard_of_dead_letter(CREATED).allows(task())


def test_who_may_be_claimed() -> None:
    now = CREATED + 10
    assert claimable(task(), now)
    assert claimable(task(not_before=now), now)
    assert not claimable(task(not_before=now + 1), now)
    assert not claimable(running(lease_until=now + 1), now)
    assert claimable(running(lease_until=now), now)
    assert not claimable(running(lease_until=now, max_attempts=1), now)
    assert not claimable(task(attempt=3), now)
    assert not claimable(task(Status.INPUT_REQUIRED), now)
    for status in TERMINAL:
        assert not claimable(task(status), now)


TIMES = st.integers(0, 10_000_000)


@given(TIMES, TIMES)
def test_a_task_is_always_looked_at_by_its_deadline(moment: int, timeout: int) -> None:
    deadline = CREATED + timeout
    waiting = task(deadline=deadline)
    for due in (
        due_after_create(moment, deadline),
        due_after_claim(moment, deadline),
        due_after_release(moment, deadline),
        due_after_resend(waiting, CREATED + moment),
    ):
        assert due <= deadline


def test_when_it_is_looked_at_before() -> None:
    far = CREATED + 100_000_000
    assert due_after_create(CREATED, far) == CREATED + DISPATCH_GRACE_MS
    assert due_after_claim(CREATED, far) == CREATED + LEASE_GRACE_MS
    assert due_after_release(CREATED, far) == CREATED + DISPATCH_GRACE_MS


def test_a_waiting_task_is_sent_again_ever_less_often() -> None:
    waiting = task(deadline=CREATED + 100_000_000)
    gaps: list[int] = []
    now = due_after_create(CREATED, waiting.deadline)
    for _ in range(10):
        later = due_after_resend(waiting, now)
        gaps.append(later - now)
        now = later
    assert gaps == sorted(gaps)
    assert gaps[0] == DISPATCH_GRACE_MS
    assert gaps[-1] == MAX_RESEND_GAP_MS


@pytest.mark.parametrize("status", sorted(LIVE))
def test_an_outcome_ends_a_task(status: Status) -> None:
    with pytest.raises(ValueError, match=f"{status} does not end a task"):
        Outcome(status, at=1, finish_id="f", retain_until=2)


def test_times_on_the_wire() -> None:
    assert iso8601(0) == "1970-01-01T00:00:00.000Z"
    assert iso8601(1_767_225_600_123) == "2026-01-01T00:00:00.123Z"


def test_a_new_task_on_the_wire() -> None:
    assert to_wire(task(), None) == {
        "taskId": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "agentId": "writer",
        "status": "pending",
        "createdAt": "1970-01-01T00:16:40.000Z",
        "updatedAt": "1970-01-01T00:16:40.000Z",
        "attempts": 0,
    }


def test_an_ended_task_on_the_wire() -> None:
    ended = task(
        Status.FAILED,
        attempt=2,
        started_at=CREATED + 1,
        completed_at=CREATED + 2,
        failure=Failure(FailureCode.OUTPUT_TRUNCATED, "Cut off."),
        usage=Usage(1, 2, turns=1, cost_usd=Decimal("0.5")),
    )
    wire = to_wire(ended, {"result": "Hal", "partial": True})
    assert wire["errorDetails"] == {"message": "Cut off.", "code": "OUTPUT_TRUNCATED"}
    assert wire["output"] == {"result": "Hal", "partial": True}
    assert wire["startedAt"] == "1970-01-01T00:16:40.001Z"
    assert wire["completedAt"] == "1970-01-01T00:16:40.002Z"
    assert wire["attempts"] == 2
    assert wire["usage"]["costUsd"] == 0.5
