"""Dead letters: a task whose message kept failing ends with the reason, unless somebody works on it."""

import pytest

from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease
from a2a_tasks.domain.task import Question, Status
from a2a_tasks.ports.faults import StoreUnavailable
from a2a_tasks.ports.queue import Delivery
from a2a_tasks.ports.tasks import Pause
from tests.twins.deployment import LEASE_SECONDS, Deployment
from tests.twins.failpoints import Failpoints


def bury(deployment: Deployment, failpoints: Failpoints | None = None) -> None:
    for delivery in deployment.queue.receive():
        deployment.dead_letters(failpoints).bury(delivery)


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
    deployment.claim(task)
    bury(deployment)
    assert deployment.now_of(task).status is Status.RUNNING
    assert deployment.telemetry.counts["TasksDeadLettered"] == 0


def test_a_task_whose_worker_is_gone_fails(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.claim(task)
    deployment.clock.advance(LEASE_SECONDS + CLOCKS_APART_MS / 1000)
    bury(deployment)
    assert deployment.now_of(task).status is Status.FAILED


@pytest.mark.parametrize("what", ["renews", "is replaced"])
def test_a_worker_that_is_just_in_time_keeps_its_task(deployment: Deployment, what: str) -> None:
    task = deployment.submit()
    held = deployment.claim(task)
    deployment.clock.advance(LEASE_SECONDS + CLOCKS_APART_MS / 1000)
    later = Lease(held.held_by or "", deployment.clock.now() + LEASE_SECONDS * 1000)
    points = Failpoints()
    if what == "renews":
        points.before("workers.break_off", lambda: deployment.workers.renew(later))
    else:
        points.before("store.finish", lambda: deployment.claim(held))
    bury(deployment, points)
    assert deployment.now_of(task).status is Status.RUNNING


def test_a_task_that_waits_for_an_answer_needs_no_message(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.claim(task)
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
