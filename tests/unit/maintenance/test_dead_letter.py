"""Dead letters: a task with time left is announced again; one that nobody can claim ends with the reason."""

from dataclasses import replace

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.dead_letter import COPIES_MS, MOST_DEAD_LETTERS
from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease
from a2a_tasks.domain.schedule import MAX_QUEUE_DELAY_MS, SWEEP_AHEAD_MS
from a2a_tasks.domain.task import Question, Status, Task
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelBusy
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.ports.tasks import InputRequest
from tests.twins.deployment import LEASE_SECONDS, Deployment
from tests.twins.faults.failpoints import Failpoints

HOUR_MS = 3_600_000
RECEIVES = 20
"""As in the template."""


def handle_dead_letters(deployment: Deployment, failpoints: Failpoints | None = None) -> None:
    """Let the function handle all messages that are there as dead letters."""
    for delivery in deployment.queue.receive(1_000):
        deployment.dead_letters(failpoints).handle(delivery)
        deployment.queue.delete(delivery)


def waits(deployment: Deployment) -> list[float]:
    """Seconds until each message is there."""
    now = deployment.clock.now()
    return [(message.visible_at - now) / 1000 for message in deployment.queue.messages]


def long_task(deployment: Deployment) -> Task:
    """With more time than these deployments allow."""
    task = deployment.submit()
    deployment.store.tasks[task.ref] = replace(task, paused_ms=6 * HOUR_MS)
    return deployment.now_of(task)


def failure_of(deployment: Deployment, task: Task) -> tuple[str, str]:
    ended = deployment.now_of(task)
    assert ended.failure is not None
    return ended.failure.code, ended.failure.message


class TestATaskWithTimeLeft:
    def test_it_is_announced_again_a_while_later(self, deployment: Deployment) -> None:
        task = deployment.submit()
        handle_dead_letters(deployment)
        assert waits(deployment) == [60]
        after = deployment.now_of(task)
        assert after.status is Status.PENDING
        assert after.due_at == deployment.clock.now() + 90_000, "the sweeper waits for that"
        assert deployment.telemetry.counts["TasksDeadLettered"] == 1
        deployment.clock.advance(60)
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED
        assert deployment.now_of(task).undelivered is None

    def test_it_waits_longer_each_time_until_nobody_can_be_expected_to_claim_it(
        self, deployment: Deployment
    ) -> None:
        task = long_task(deployment)
        seen = []
        for _ in range(MOST_DEAD_LETTERS):
            handle_dead_letters(deployment)
            seen += waits(deployment)
            deployment.clock.advance(waits(deployment)[0] + COPIES_MS / 1000)
            assert deployment.now_of(task).status is Status.PENDING
        assert seen == [60, 120, 240, 480, 900]
        handle_dead_letters(deployment)
        code, message = failure_of(deployment, task)
        assert code == "EXECUTION_ERROR"
        assert message.startswith("No worker could take the task up: 6 times")
        assert not deployment.queue.messages

    def test_a_claim_begins_the_count_anew(self, deployment: Deployment) -> None:
        task = long_task(deployment)
        deployment.model.then(*[ModelBusy("Overloaded.", retry_after=1_000)] * 2)
        for _ in range(2):
            handle_dead_letters(deployment)
            deployment.clock.advance(waits(deployment)[0])
            deployment.work()
            deployment.clock.advance(waits(deployment)[0])
        handle_dead_letters(deployment)
        undelivered = deployment.now_of(task).undelivered
        assert undelivered is not None
        assert undelivered.times == 1

    def test_copies_of_one_trouble_count_once(self, deployment: Deployment) -> None:
        task = deployment.submit()
        for _ in range(20):
            deployment.queue.put(task.ref)
        handle_dead_letters(deployment)
        deployment.queue.put(task.ref)
        handle_dead_letters(deployment)
        undelivered = deployment.now_of(task).undelivered
        assert undelivered is not None
        assert (undelivered.times, waits(deployment)) == (1, [60])

    def test_a_retry_that_is_later_is_announced_for_its_time(self, deployment: Deployment) -> None:
        task = long_task(deployment)
        deployment.model.then(ModelBusy("Overloaded.", retry_after=300))
        deployment.work()
        deployment.queue.messages.clear()
        deployment.queue.put(task.ref)
        handle_dead_letters(deployment)
        not_before = deployment.now_of(task).not_before
        assert [message.visible_at for message in deployment.queue.messages] == [not_before]

    def test_a_start_that_is_too_far_away_for_the_queue_is_the_sweepers(self, deployment: Deployment) -> None:
        task = deployment.submit(not_before=deployment.clock.now() + HOUR_MS)
        deployment.queue.put(task.ref)
        handle_dead_letters(deployment)
        assert not deployment.queue.messages
        assert deployment.now_of(task).due_at == task.not_before - SWEEP_AHEAD_MS
        assert task.not_before - deployment.clock.now() > MAX_QUEUE_DELAY_MS

    def test_if_the_message_cannot_be_sent_the_sweeper_does(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.fail("queue.send", QueueUnavailable("down"))
        with pytest.raises(QueueUnavailable):
            handle_dead_letters(deployment, points)
        deployment.queue.messages.clear()
        deployment.clock.advance(90)
        deployment.sweep()
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED

    @pytest.mark.parametrize("point", ["store.get", "store.note_undelivered"])
    def test_while_the_store_is_down_the_message_must_stay(self, deployment: Deployment, point: str) -> None:
        task = deployment.submit()
        points = Failpoints()
        points.fail(point, StoreUnavailable("down"))
        with pytest.raises(StoreUnavailable):
            handle_dead_letters(deployment, points)
        assert deployment.now_of(task) == task

    def test_a_note_whose_answer_was_lost_is_not_made_twice(self, deployment: Deployment) -> None:
        task = deployment.submit()
        (delivery,) = deployment.queue.receive()
        points = Failpoints()
        points.fail("store.note_undelivered", StoreUnavailable("no answer"), after=True)
        with pytest.raises(StoreUnavailable):
            deployment.dead_letters(points).handle(delivery)
        deployment.dead_letters(points).handle(delivery)
        undelivered = deployment.now_of(task).undelivered
        assert undelivered is not None
        assert undelivered.times == 1


class TestAnOutage:
    """Twenty receives, half a minute apart, are over after ten minutes."""

    @pytest.mark.parametrize("is_general", [True, False], ids=["everybody", "the workers alone"])
    def test_a_quarter_of_an_hour_costs_no_task_that_has_time_left(
        self, deployment: Deployment, is_general: bool
    ) -> None:
        deployment.queue.max_receives = RECEIVES
        tasks = [long_task(deployment) for _ in range(3)]
        points = Failpoints()
        points.down("store", StoreUnavailable("Throttled."))
        until = deployment.clock.now() + 15 * 60_000
        while not all(deployment.now_of(task).is_terminal for task in tasks):
            if deployment.clock.now() >= until:
                points.up("store")
            deployment.work(points)
            for letter in deployment.dead.receive(visibility_seconds=360):
                try:
                    deployment.dead_letters(points if is_general else None).handle(letter)
                except StoreUnavailable:
                    continue
                deployment.dead.delete(letter)
            if not is_general:
                deployment.sweep()
            deployment.clock.advance(10)
        assert [deployment.now_of(task).status for task in tasks] == [Status.COMPLETED] * 3
        assert [deployment.now_of(task).attempt for task in tasks] == [1] * 3
        ended = max(deployment.now_of(task).completed_at or 0 for task in tasks)
        assert ended - until <= 15 * 60_000


class TestWhoNeedsNoMessage:
    def test_a_task_in_work_is_left_to_its_worker(self, deployment: Deployment) -> None:
        task = deployment.submit()
        held = deployment.claim(task)
        handle_dead_letters(deployment)
        assert deployment.now_of(task) == held
        assert not deployment.queue.messages

    def test_a_task_whose_worker_is_gone_is_announced_again(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.claim(task)
        deployment.clock.advance(LEASE_SECONDS + CLOCKS_APART_MS / 1000)
        handle_dead_letters(deployment)
        deployment.clock.advance(60)
        deployment.work()
        assert deployment.now_of(task).status is Status.COMPLETED

    def test_a_task_whose_last_worker_is_gone_fails_as_lost(self, deployment: Deployment) -> None:
        task = deployment.submit()
        for _ in range(3):
            task = deployment.claim(task)
            deployment.clock.advance(LEASE_SECONDS + CLOCKS_APART_MS / 1000)
            deployment.holders().take(task)
        handle_dead_letters(deployment)
        code, message = failure_of(deployment, task)
        assert (code, message.startswith("The worker was lost 3 times")) == ("WORKER_LOST", True)

    @pytest.mark.parametrize("what", ["renews", "is replaced"])
    def test_a_worker_that_is_just_in_time_keeps_its_task(self, deployment: Deployment, what: str) -> None:
        task = deployment.submit()
        held = deployment.claim(task)
        deployment.clock.advance(LEASE_SECONDS + CLOCKS_APART_MS / 1000)
        later = Lease(held.held_by or "", deployment.clock.now() + LEASE_SECONDS * 1000)
        points = Failpoints()
        if what == "renews":
            points.before("workers.break_lease", lambda: deployment.workers.renew(later))
        else:
            points.before("store.note_undelivered", lambda: deployment.claim(held))
        handle_dead_letters(deployment, points)
        assert deployment.now_of(task).status is Status.RUNNING
        assert deployment.now_of(task).undelivered is None
        assert not deployment.queue.messages

    def test_a_task_that_waits_for_an_answer(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.claim(task)
        now = deployment.clock.now()
        deployment.store.request_input(
            task.ref, 1, InputRequest(now, Question("call-1", "?"), now + 3_600_000, 60_000)
        )
        handle_dead_letters(deployment)
        assert deployment.now_of(task).status is Status.INPUT_REQUIRED
        assert not deployment.queue.messages

    def test_a_task_that_is_out_of_time_ends_with_that_reason(self, deployment: Deployment) -> None:
        task = deployment.submit(queue_timeout_ms=300_000)
        deployment.clock.advance(300)
        handle_dead_letters(deployment)
        assert failure_of(deployment, task)[0] == "QUEUE_TIMEOUT"

    def test_an_ended_task_stays_as_it_is(self, deployment: Deployment) -> None:
        task = deployment.submit()
        canceled = deployment.tasks().cancel("demo", "writer", task.ref.task_id)
        handle_dead_letters(deployment)
        assert deployment.now_of(task) == canceled

    def test_an_ended_task_that_is_not_counted_yet_is_counted(self, deployment: Deployment) -> None:
        deployment.registry.put_project(ProjectSettings("demo", daily_tokens=1_000))
        task = deployment.submit()
        points = Failpoints()
        points.down("spend.add_spend", StoreUnavailable("Throttled."))
        deployment.work(points)
        deployment.clock.advance(61)
        with pytest.raises(StoreUnavailable):
            handle_dead_letters(deployment, points)
        deployment.dead_letters().handle(Delivery("m", "r", task.ref, "", 21))
        assert [usage.tokens for usage in deployment.spend.by_day.values()] == [15]

    def test_a_deleted_task(self, deployment: Deployment) -> None:
        task = deployment.submit()
        deployment.store.delete(task.ref)
        handle_dead_letters(deployment)
        assert not deployment.store.tasks

    def test_a_message_without_a_task_is_counted(self, deployment: Deployment) -> None:
        deployment.dead_letters().handle(Delivery("m", "r", None, "", 11))
        assert deployment.telemetry.counts["MalformedMessages"] == 1
        assert deployment.telemetry.names() == ["malformed dead letter"]
