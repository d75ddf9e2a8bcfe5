"""Dead letters: a task whose message kept failing ends with the reason, unless somebody works on it."""

import pytest

from a2a_tasks.domain.task import Question, Status
from a2a_tasks.ports.faults import StoreUnavailable
from a2a_tasks.ports.queue import Delivery
from a2a_tasks.ports.tasks import Claim, Pause
from tests.twins.deployment import LEASE_SECONDS, Deployment
from tests.twins.failpoints import Failpoints


def bury(deployment: Deployment, failpoints: Failpoints | None = None) -> None:
    for delivery in deployment.queue.receive():
        deployment.dead_letters(failpoints).bury(delivery)


def claim(deployment: Deployment) -> None:
    now = deployment.clock.now()
    (ref,) = deployment.store.tasks
    deployment.store.claim(ref, Claim("claim-1", now, now + LEASE_SECONDS * 1000, fence=0))


def test_a_waiting_task_fails_with_the_reason(deployment: Deployment) -> None:
    task = deployment.submit()
    bury(deployment)
    ended = deployment.now_of(task)
    assert ended.failure is not None
    assert (ended.status, ended.failure.code.value) == (Status.FAILED, "EXECUTION_ERROR")
    assert ended.failure.message.startswith("The task could not be executed")
    assert deployment.telemetry.counts["TasksDeadLettered"] == 1


def test_a_task_in_work_is_left_to_its_worker(deployment: Deployment) -> None:
    task = deployment.submit()
    claim(deployment)
    bury(deployment)
    assert deployment.now_of(task).status is Status.RUNNING
    assert deployment.telemetry.counts["TasksDeadLettered"] == 0


def test_a_task_whose_worker_is_gone_fails(deployment: Deployment) -> None:
    task = deployment.submit()
    claim(deployment)
    deployment.clock.advance(LEASE_SECONDS)
    bury(deployment)
    assert deployment.now_of(task).status is Status.FAILED


def test_a_task_that_waits_for_an_answer_needs_no_message(deployment: Deployment) -> None:
    task = deployment.submit()
    claim(deployment)
    now = deployment.clock.now()
    deployment.store.pause(task.ref, 1, Pause(now, Question("call-1", "?"), now + 3_600_000, 60_000))
    bury(deployment)
    assert deployment.now_of(task).status is Status.INPUT_REQUIRED


def test_an_ended_task_stays_as_it_is(deployment: Deployment) -> None:
    task = deployment.submit()
    canceled = deployment.tasks().cancel("demo", "writer", task.ref.task_id)
    bury(deployment)
    assert deployment.now_of(task) == canceled


def test_a_deleted_task_is_nothing_to_do(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.store.delete(task.ref)
    bury(deployment)
    assert not deployment.store.tasks


def test_a_message_without_a_task_is_counted(deployment: Deployment) -> None:
    deployment.dead_letters().bury(Delivery("m", "r", None, "", 11))
    assert deployment.telemetry.counts["MalformedMessages"] == 1
    assert deployment.telemetry.names() == ["dead message names no task"]


@pytest.mark.parametrize("point", ["store.get", "store.finish"])
def test_while_the_store_is_down_the_message_must_stay(deployment: Deployment, point: str) -> None:
    task = deployment.submit()
    points = Failpoints()
    points.fail(point, StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        bury(deployment, points)
    assert deployment.now_of(task).status is Status.PENDING
