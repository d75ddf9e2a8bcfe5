"""A task whose due time is moved between its read and its claim: it is claimed all the same."""

from functools import partial

import pytest

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.model import ModelBusy
from a2a_tasks.ports.slots import FIRSTS, Scope, Waiter
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.model import answer

SCOPE = Scope("writer")
TOO_MANY = ModelBusy("Too many requests", throttled=True)


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    """An agent with a free slot and a line of tasks that cannot start yet, longer than its front."""
    deployment.registry.apply(agent(max_concurrent_tasks=1))
    return deployment


def line_up(deployment: Deployment) -> None:
    for _ in range(FIRSTS + 1):
        task = deployment.submit(not_before=deployment.clock.now() + 3_600_000)
        entry = Waiter(task.ref.task_id, task.priority, task.fence, task.deadline, task.not_before)
        deployment.slot_store.wait(SCOPE, entry)


def test_a_task_that_has_waited_for_the_model_is_claimed_from_a_long_line(deployment: Deployment) -> None:
    task = throttled(deployment)
    line_up(deployment)
    deployment.model.then(answer())

    deployment.clock.advance(60)
    deployment.work()

    assert deployment.now_of(task).status is Status.COMPLETED


def test_a_task_whose_due_time_the_sweeper_moves_is_claimed(deployment: Deployment) -> None:
    task, points = throttled(deployment), Failpoints()
    moved = partial(deployment.store.reschedule, task.ref, task.due_at or 0, task.deadline)
    points.before("store.claim", moved)
    deployment.model.then(answer())
    deployment.clock.advance(60)

    deployment.work(points)

    assert points.calls["store.claim"] == 2
    assert deployment.now_of(task).status is Status.COMPLETED


def throttled(deployment: Deployment) -> Task:
    task = deployment.submit()
    deployment.model.then(TOO_MANY)
    deployment.work()
    waiting = deployment.now_of(task)
    assert (waiting.status, waiting.throttled_calls) == (Status.PENDING, 1)
    return waiting
