"""Requests that an agent does not take: tasks that say so, that nobody works on, and that count as none."""

from contextlib import suppress
from decimal import Decimal

import pytest

from a2a_tasks.a2a.rejection import Rejecter
from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, FailureCode, RequestRefused
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.usage import Usage
from a2a_tasks.tasks.submission import Idempotency, Submission
from tests.twins.deployment import Deployment
from tests.twins.faults.failpoints import Crash, Failpoints

SUBMISSION = Submission("demo", "writer", "Write.", None, None, "request-1", context_id="talk")
KEYED = Submission(
    "demo", "writer", "Write.", None, None, "request-1", idempotency=Idempotency("key", "digest")
)


def rejecter(deployment: Deployment, points: Failpoints | None = None) -> Rejecter:
    return Rejecter(deployment.submitter(points), deployment.finalizer(points))


def assert_rejected(task: Task, reason: str) -> None:
    assert (task.status, task.attempt) == (Status.FAILED, 0)
    assert task.failure is not None
    assert task.failure.code is FailureCode.REJECTED
    assert reason in task.failure.message


def test_what_is_taken_is_submitted(deployment: Deployment) -> None:
    task = rejecter(deployment).submit(SUBMISSION)

    assert task.status is Status.PENDING
    assert len(deployment.queue.messages) == 1


def test_a_disabled_agent_rejects(deployment: Deployment) -> None:
    deployment.registry.disable("writer")

    task = rejecter(deployment).submit(SUBMISSION)

    assert_rejected(task, "disabled")
    assert deployment.now_of(task) == task
    assert task.context_id == "talk"
    deployment.work()
    assert not deployment.model.requests
    counts = deployment.telemetry.counts
    assert (counts["TasksRejected"], counts["TasksFailed"], counts["TasksCreated"]) == (1, 0, 0)


def test_a_used_up_budget_rejects(deployment: Deployment) -> None:
    deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(1)))
    deployment.spend.add_spend("demo", day_of(deployment.clock.now()), Usage(cost_usd=Decimal(2)))

    assert_rejected(rejecter(deployment).submit(SUBMISSION), "budget for today")


def test_a_wrong_request_is_no_task(deployment: Deployment) -> None:
    with pytest.raises(RequestRefused) as refused:
        rejecter(deployment).submit(Submission("rival", "writer", "Write.", None, None, "request-1"))

    assert refused.value.code is ErrorCode.AGENT_NOT_FOUND
    assert not deployment.store.tasks


def test_the_same_request_again_is_the_same_rejected_task(deployment: Deployment) -> None:
    deployment.registry.disable("writer")

    first, second = (rejecter(deployment).submit(KEYED) for _ in range(2))

    assert first == second
    assert len(deployment.store.tasks) == 1


def test_a_task_that_the_same_key_was_given_meanwhile_is_not_rejected(deployment: Deployment) -> None:
    """Two requests with one key as the budget runs out: the other was accepted, and is worked on."""
    deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(1)))
    points, accepted = Failpoints(), []

    def the_other_is_accepted_and_the_budget_used_up() -> None:
        accepted.append(rejecter(deployment).submit(KEYED))
        deployment.spend.add_spend("demo", day_of(deployment.clock.now()), Usage(cost_usd=Decimal(2)))

    points.before("spend.spend", the_other_is_accepted_and_the_budget_used_up)

    task = rejecter(deployment, points).submit(KEYED)

    assert not points.interludes
    assert task == deployment.now_of(accepted[0])
    assert (task.status, task.failure) == (Status.PENDING, None)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, 8))
def test_after_a_crash_nobody_works_on_it_and_it_ends(deployment: Deployment, call: int, after: bool) -> None:
    deployment.registry.disable("writer")
    points = Failpoints(crash_at=call, crash_after=after)
    with suppress(Crash):
        rejecter(deployment, points).submit(KEYED)
    deployment.clock.advance(60)
    deployment.sweep()
    deployment.work()

    task = rejecter(deployment).submit(KEYED)

    assert task.status is Status.FAILED
    assert not deployment.model.requests
