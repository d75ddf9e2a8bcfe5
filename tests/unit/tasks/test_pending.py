"""``maxPendingTasks``: an agent takes no more tasks than may wait for it, until some are gone."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Lane, Parent, Status
from a2a_tasks.tasks.submission import ChildOrigin, Idempotency
from tests.twins.batch_lane import BatchLane
from tests.twins.deployment import Deployment, agent


@pytest.fixture
def two_may_wait(deployment: Deployment) -> Deployment:
    deployment.registry.apply(agent(max_pending_tasks=2))
    for _ in range(2):
        deployment.submit()
    return deployment


def refusal(deployment: Deployment, **changes: Any) -> RequestRefused:
    before = len(deployment.store.tasks)
    with pytest.raises(RequestRefused) as refused:
        deployment.submit(**changes)
    assert len(deployment.store.tasks) == before
    return refused.value


def test_one_too_many_is_refused_and_told_when_to_come_again(two_may_wait: Deployment) -> None:
    refused = refusal(two_may_wait)
    assert (refused.code, refused.retry_after) == (ErrorCode.RATE_LIMIT_EXCEEDED, 10)
    assert refused.message == (
        "2 tasks wait for this agent, which is as many as may (maxPendingTasks); try again when some have"
        " begun."
    )
    assert two_may_wait.telemetry.counts["RateLimited", "PENDING"] == 1


@pytest.mark.parametrize("changes", [{"lane": Lane.BATCH}, {"not_before": 10**13}])
def test_tasks_that_start_later_wait_too(two_may_wait: Deployment, changes: dict[str, Any]) -> None:
    refusal(two_may_wait, **changes)


def test_there_is_room_again_once_they_are_begun(two_may_wait: Deployment) -> None:
    two_may_wait.work()
    two_may_wait.submit()
    two_may_wait.submit()
    refusal(two_may_wait)


def test_there_is_room_again_once_one_is_canceled(two_may_wait: Deployment) -> None:
    first = next(iter(two_may_wait.store.tasks.values()))
    two_may_wait.tasks().cancel("demo", "writer", first.ref.task_id)
    two_may_wait.submit()
    refusal(two_may_wait)


def test_there_is_room_again_once_their_time_is_over(two_may_wait: Deployment) -> None:
    two_may_wait.clock.advance(24 * 3_600 + 1)
    two_may_wait.sweep()
    assert {task.status for task in two_may_wait.store.tasks.values()} == {Status.FAILED}
    two_may_wait.submit()


def test_there_is_room_again_once_a_batch_has_taken_them() -> None:
    lane = BatchLane()
    lane.deployment.registry.apply(agent(max_pending_tasks=1))
    lane.submit()
    refusal(lane.deployment)
    lane.minute()
    lane.minute()
    lane.submit()


def test_other_agents_are_not_concerned(two_may_wait: Deployment) -> None:
    two_may_wait.registry.apply(agent("reader", max_pending_tasks=1))
    two_may_wait.submit(agent_id="reader")
    refusal(two_may_wait, agent_id="reader")


def test_a_limit_counts_the_tasks_that_were_made_under_one(deployment: Deployment) -> None:
    deployment.submit()
    deployment.registry.apply(agent(max_pending_tasks=1))
    deployment.submit()
    refusal(deployment)
    deployment.registry.apply(agent(max_pending_tasks=2))
    deployment.submit()
    deployment.registry.apply(agent())
    deployment.submit()


def test_a_repeated_request_finds_its_task_however_many_wait(deployment: Deployment) -> None:
    deployment.registry.apply(agent(max_pending_tasks=1))
    key = Idempotency("key", "digest")
    task = deployment.submit(idempotency=key)
    assert deployment.submit(idempotency=key) == task


def test_a_request_that_was_refused_may_be_repeated_with_its_key(two_may_wait: Deployment) -> None:
    key = Idempotency("key", "digest")
    refusal(two_may_wait, idempotency=key)
    two_may_wait.work()
    task = two_may_wait.submit(idempotency=key)
    assert two_may_wait.submit(idempotency=key) == task


def test_a_task_that_another_one_starts_counts_like_any_other(two_may_wait: Deployment) -> None:
    parent = two_may_wait.now_of(next(iter(two_may_wait.store.tasks.values())))
    two_may_wait.registry.apply(agent("reader", max_pending_tasks=1))
    origin = ChildOrigin(Parent(parent.ref, "call-1"), 1, parent.ref.task_id, parent.deadline)
    child = two_may_wait.submit(agent_id="reader", origin=origin)
    assert child.counts_as_pending
    refusal(two_may_wait, agent_id="reader", origin=replace(origin, task_id=child.correlation_id))
    assert two_may_wait.submit(agent_id="reader", origin=origin) == child, "the same again is the same task"
