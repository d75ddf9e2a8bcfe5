"""An invocation that waits for the model anyway takes more tasks: they share its bill, and need no start."""

import pytest

from a2a_tasks.domain.task import Status
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.services.execute import SHARE_AFTER_SECONDS
from tests.twins.deployment import LEASE_SECONDS, Deployment
from tests.twins.failpoints import Crash, Failpoints
from tests.twins.model import after, answer


@pytest.fixture
def sharing(deployment: Deployment) -> Deployment:
    deployment.room = 10
    return deployment


def test_what_comes_while_a_task_goes_on_is_taken_too(sharing: Deployment) -> None:
    first = sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    sharing.model.on("Second.", after(sharing.clock, 30, answer()))
    sharing.clock.later(6, lambda: sharing.submit("Second."))
    assert sharing.work() == []
    second = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
    for task in (first, second):
        assert sharing.now_of(task).status is Status.COMPLETED
    started = sharing.now_of(second).started_at or 0
    assert started - second.created_at <= 1_000
    assert not sharing.queue.messages


def test_a_short_task_takes_nothing_more(sharing: Deployment) -> None:
    sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, SHARE_AFTER_SECONDS / 2, answer()))
    points = Failpoints()
    sharing.work(points)
    assert points.calls["queue.receive"] == 0


def test_no_more_than_there_is_room_for(sharing: Deployment) -> None:
    sharing.room = 3
    peak = 0

    def watch(_: object) -> None:
        nonlocal peak
        peak = max(peak, len(sharing.model.under_way))

    sharing.model.watchers.append(watch)
    for n in range(8):
        sharing.submit(f"Task {n}.")
        sharing.model.on(f"Task {n}.", after(sharing.clock, 10, answer()))
    sharing.clock.run(sharing.invoke(sharing.queue.receive(1)))
    assert peak == 3
    assert {task.status for task in sharing.store.tasks.values()} == {Status.COMPLETED}


def test_in_the_second_half_of_its_time_it_takes_nothing(sharing: Deployment) -> None:
    sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 200, answer()))
    sharing.clock.later(151, lambda: sharing.submit("Late."))
    sharing.work(seconds=300)
    late = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
    assert late.status is Status.PENDING
    assert len(sharing.queue.messages) == 1


def test_a_queue_that_does_not_answer_disturbs_nobody(sharing: Deployment) -> None:
    task = sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    points = Failpoints()
    points.down("queue.receive", QueueUnavailable("down"))
    sharing.work(points)
    assert sharing.now_of(task).status is Status.COMPLETED


def test_a_task_that_was_taken_comes_back_when_the_process_dies(sharing: Deployment) -> None:
    sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    sharing.clock.later(2, lambda: sharing.submit("Second."))
    points = Failpoints()
    points.fail("queue.receive", Crash("with the message in its hands"), call=1, after=True)
    with pytest.raises(Crash):
        sharing.work(points)
    sharing.clock.advance(LEASE_SECONDS + 1)
    sharing.work()
    assert {task.status for task in sharing.store.tasks.values()} == {Status.COMPLETED}


def test_one_that_fails_leaves_the_others_alone_and_is_tried_again_here(sharing: Deployment) -> None:
    first = sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    sharing.model.on("Second.", ValueError("a bug"))
    sharing.clock.later(3, lambda: sharing.submit("Second."))
    assert sharing.work() == []
    second = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
    assert [sharing.now_of(task).status for task in (first, second)] == [Status.COMPLETED] * 2
    assert (sharing.now_of(first).attempt, sharing.now_of(second).attempt) == (1, 2)
    assert not sharing.queue.messages
