"""An idempotency key: the same request again is the same task, whatever went wrong with the first."""

import pytest

from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.usage import Usage
from a2a_tasks.tasks.submission import RESERVED_MS, Idempotency, Submission
from tests.integration.support.texts import incompressible
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints

CALLS = ["reservations.reserve", "payloads.put", "store.create", "queue.send"]


def submit(
    deployment: Deployment,
    points: Failpoints | None = None,
    *,
    key: str = "order-7",
    digest: str = "d1",
    agent_id: str = "writer",
    project_id: str = "demo",
) -> Task:
    message = incompressible(12_000)  # so that it goes through the payload store
    asked = Idempotency(key, digest)
    submission = Submission(project_id, agent_id, message, None, None, "request-1", idempotency=asked)
    return deployment.submitter(points).submit(submission)


def test_the_same_again_is_the_same_task(deployment: Deployment) -> None:
    first = submit(deployment)
    deployment.work()
    assert submit(deployment) == deployment.now_of(first)
    assert len(deployment.store.tasks) == 1
    assert deployment.telemetry.counts["TasksCreated"] == 1
    assert not deployment.queue.messages


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", CALLS)
def test_a_request_that_died_is_completed_by_its_repetition(
    deployment: Deployment, point: str, after: bool
) -> None:
    points = Failpoints()
    points.fail(point, Crash(point), after=after)
    with pytest.raises(Crash):
        submit(deployment, points)
    task = submit(deployment)
    deployment.sweep()
    deployment.clock.advance(31)
    deployment.sweep()
    deployment.work()
    assert list(deployment.store.tasks) == [task.ref]
    assert deployment.now_of(task).is_terminal
    assert deployment.model.bought == 1


@pytest.mark.parametrize("point", CALLS)
def test_two_at_the_same_moment_are_one_task(deployment: Deployment, point: str) -> None:
    points = Failpoints()
    others: list[Task] = []
    points.before(point, lambda: others.append(submit(deployment)))
    task = submit(deployment, points)
    deployment.work()
    assert {other.ref for other in others} == {task.ref} == set(deployment.store.tasks)
    assert deployment.model.bought == 1
    assert deployment.telemetry.counts["TasksCreated"] == 1


def test_another_request_under_the_same_key_is_refused(deployment: Deployment) -> None:
    submit(deployment)
    with pytest.raises(RequestRefused) as refused:
        submit(deployment, digest="d2")
    assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert len(deployment.store.tasks) == 1


def test_a_key_is_free_again_after_a_day(deployment: Deployment) -> None:
    first = submit(deployment)
    deployment.clock.advance(RESERVED_MS / 1000 - 1)
    assert submit(deployment).ref == first.ref
    deployment.clock.advance(1)
    assert submit(deployment, digest="d2").ref != first.ref


def test_keys_of_agents_and_projects_do_not_meet(deployment: Deployment) -> None:
    deployment.registry.apply(agent("editor"))
    deployment.registry.apply(agent("spy", "rival"))
    submit(deployment)
    submit(deployment, agent_id="editor", digest="d2")
    submit(deployment, agent_id="spy", project_id="rival", digest="d3")
    assert len(deployment.store.tasks) == 3


def test_what_was_accepted_stays_accepted(deployment: Deployment) -> None:
    """A new task would be refused by now; this one is there."""
    deployment.registry.put_project(ProjectSettings("demo", daily_tokens=10))
    task = submit(deployment)
    deployment.registry.disable("writer")
    deployment.spend.add_spend("demo", day_of(deployment.clock.now()), Usage(10))
    assert submit(deployment).ref == task.ref
    with pytest.raises(RequestRefused) as refused:
        submit(deployment, key="another")
    assert refused.value.code is ErrorCode.AGENT_DISABLED


def test_a_refused_request_may_be_repeated_once_it_would_be_taken(deployment: Deployment) -> None:
    deployment.registry.disable("writer")
    with pytest.raises(RequestRefused):
        submit(deployment)
    deployment.registry.apply(agent())
    assert submit(deployment).ref in deployment.store.tasks
