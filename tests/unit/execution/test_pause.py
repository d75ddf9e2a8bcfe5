"""The operator's switch: a paused deployment takes no more work, loses none, and goes on where it stopped."""

import pytest

from a2a_tasks.concurrency.pause_watch import FRESH_MS, PauseWatch
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.schedule import MAX_RESEND_GAP_MS
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.ports.errors import StoreUnavailable
from tests.twins.batch_lane import BatchLane
from tests.twins.clock import FakeClock
from tests.twins.deployment import Deployment, agent
from tests.twins.model import after, answer
from tests.twins.telemetry import MemoryTelemetry

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def sharing(deployment: Deployment) -> Deployment:
    deployment.room = 10
    return deployment


def pause(deployment: Deployment) -> None:
    deployment.registry.start_pause(Pause(deployment.clock.now(), "Claude says strange things."))


def minutes(deployment: Deployment, count: int) -> None:
    """So many minutes, with what the schedule starts in each."""
    for _ in range(count):
        deployment.clock.advance(60)
        deployment.sweep()


class Switch:
    """Can be read, or not."""

    def __init__(self) -> None:
        self.paused: Pause | None = None
        self.fails = False
        self.reads = 0

    def pause(self) -> Pause | None:
        self.reads += 1
        if self.fails:
            raise StoreUnavailable("throttled")
        return self.paused


class TestOneProcess:
    def test_reads_the_switch_every_five_seconds_at_most(self) -> None:
        clock, switch = FakeClock(), Switch()
        watch = PauseWatch(switch, clock, MemoryTelemetry())

        assert [watch.is_on() for _ in range(100)] == [False] * 100
        assert switch.reads == 1
        switch.paused = Pause(clock.now())
        clock.advance(FRESH_MS / 1000 - 0.001)
        assert not watch.is_on()
        clock.advance(0.001)
        assert watch.is_on()

    @pytest.mark.parametrize("was_paused", [True, False])
    def test_holds_to_what_it_read_last_while_the_switch_cannot_be_read(self, was_paused: bool) -> None:
        clock, switch, telemetry = FakeClock(), Switch(), MemoryTelemetry()
        switch.paused = Pause(clock.now()) if was_paused else None
        watch = PauseWatch(switch, clock, telemetry)
        watch.is_on()
        switch.fails = True
        clock.advance(HOUR)

        assert watch.is_on() is was_paused

    def test_works_if_it_never_could_read_the_switch(self) -> None:
        switch = Switch()
        switch.fails = True

        assert not PauseWatch(switch, FakeClock(), MemoryTelemetry()).is_on()


class TestAWorker:
    def test_refuses_what_it_is_started_with(self, deployment: Deployment) -> None:
        task = deployment.submit()
        pause(deployment)

        kept = deployment.work()

        assert len(kept) == 1
        assert deployment.now_of(task).status is Status.PENDING
        assert deployment.model.asked == []

    def test_refuses_ever_more_rarely(self, deployment: Deployment) -> None:
        """The queue counts receives, also if a pause stopped between its two steps."""
        deployment.submit()
        pause(deployment)
        receives = 0
        for _ in range(500):
            if deployment.queue.waiting(is_urgent=False):
                receives += len(deployment.work())
            deployment.clock.advance(1)

        assert 1 < receives <= 9

    def test_ends_what_it_has_and_takes_no_more(self, sharing: Deployment) -> None:
        first = sharing.submit("First.")
        sharing.model.on("First.", after(sharing.clock, 60, answer()))
        sharing.clock.later(10, lambda: pause(sharing))
        sharing.clock.later(20, lambda: sharing.submit("Second."))

        sharing.work()

        second = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
        assert sharing.now_of(first).status is Status.COMPLETED
        assert second.status is Status.PENDING
        assert len(sharing.queue.messages) == 1

    def test_hands_a_slot_on_which_waits_with_its_task(self, sharing: Deployment) -> None:
        sharing.registry.apply(agent(max_concurrent_tasks=1))
        tasks = [sharing.submit(f"Task {n}.") for n in range(3)]
        sharing.model.on("Task 0.", after(sharing.clock, 60, answer()))
        sharing.clock.later(10, lambda: pause(sharing))
        sharing.work()
        assert [sharing.now_of(task).status for task in tasks] == [
            Status.COMPLETED,
            Status.PENDING,
            Status.PENDING,
        ]

        minutes(sharing, 30)
        sharing.registry.end_pause()
        minutes(sharing, 1)
        sharing.work()

        assert {sharing.now_of(task).status for task in tasks} == {Status.COMPLETED}


class TestTheSweeper:
    def test_sends_no_copies(self, deployment: Deployment) -> None:
        for _ in range(20):
            deployment.submit()
        pause(deployment)

        minutes(deployment, 240)

        assert deployment.queue.sent == 20

    def test_sends_no_copies_to_those_in_line(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(max_concurrent_tasks=1))
        for _ in range(5):
            deployment.submit()
        sent = deployment.queue.sent
        pause(deployment)

        minutes(deployment, 240)

        assert deployment.queue.sent == sent

    def test_ends_what_is_over(self, deployment: Deployment) -> None:
        """Waiting counts: no task is older than it may be."""
        task = deployment.submit(queue_timeout_ms=HOUR * 1000)
        pause(deployment)

        minutes(deployment, 61)

        assert deployment.now_of(task).status is Status.FAILED

    def test_sends_again_what_the_queue_has_dropped(self, deployment: Deployment) -> None:
        """SQS keeps a message for four days."""
        task = deployment.submit(queue_timeout_ms=6 * DAY * 1000)
        pause(deployment)
        for _ in range(5 * 24):
            deployment.clock.advance(HOUR)
            deployment.sweep()
        deployment.queue.messages.clear()

        deployment.registry.end_pause()
        minutes(deployment, 2 * MAX_RESEND_GAP_MS // 60_000)
        deployment.work()

        assert deployment.now_of(task).status is Status.COMPLETED


class TestTheBatcher:
    def under_way(self) -> tuple[BatchLane, list[Task]]:
        lane = BatchLane()
        return lane, lane.under_way("One.", "Two.")

    def test_records_what_is_paid_for(self) -> None:
        lane, tasks = self.under_way()
        pause(lane.deployment)
        lane.api.end()

        lane.minute()

        assert {lane.now_of(task).status for task in tasks} == {Status.COMPLETED}

    def test_makes_no_batch_until_it_is_over(self) -> None:
        lane = BatchLane()
        task = lane.submit()
        assert task.lane is Lane.BATCH
        pause(lane.deployment)
        for _ in range(10):
            lane.minute()
        assert lane.api.batches == []

        lane.deployment.registry.end_pause()
        lane.minute()

        assert len(lane.api.batches) == 1
