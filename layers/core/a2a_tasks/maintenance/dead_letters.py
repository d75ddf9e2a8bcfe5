"""Dead letters of the task queue: their tasks are announced again while they can still be claimed."""

from dataclasses import dataclass

from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.domain.dead_letter import MOST_DEAD_LETTERS, Undelivered, after_dead_letter
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import guard_of_dead_letter, guard_of_loss
from a2a_tasks.domain.schedule import MAX_QUEUE_DELAY_MS, due_after_create, whole_seconds, worker_lost
from a2a_tasks.domain.task import Lane, Status, Task
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.queues import Delivery, TaskSender
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer


@dataclass(frozen=True)
class DeadLetters:
    """Handles messages from the dead-letter queue. Twenty failed receives seldom mean that the task itself
    is at fault: a store that is down for ten minutes causes them for all tasks."""

    store: TaskStore
    queue: TaskSender
    finalizer: TaskFinalizer
    day: DayCount
    telemetry: Telemetry

    def handle(self, delivery: Delivery) -> None:
        """Handle the task of a dead letter.

        A task that a living worker holds, that awaits others or that has ended is left alone: the message
        was a duplicate, or was kept only to count the task's usage.

        Raises:
            StoreUnavailable: The message must stay in the queue.
            QueueUnavailable: Likewise.
        """
        if delivery.ref is None:
            self.telemetry.count("MalformedMessages")
            self.telemetry.problem("malformed dead letter", message_id=delivery.message_id)
            return
        task = self.store.get(delivery.ref)
        if task is None:
            return
        if task.is_terminal:
            if not self.day.settle(task):
                # only this message leads to the count, so it must return
                raise StoreUnavailable("what the task has used is not counted yet")
        elif self._needs_message(task):
            self._resend_or_fail(task)

    def _needs_message(self, task: Task) -> bool:
        if task.status is Status.INPUT_REQUIRED or task.awaits or task.lane is Lane.BATCH:
            return False
        # a running task needs one only if its worker can never write again; this breaks the lease if it has
        # expired
        return task.status is Status.PENDING or self.finalizer.holders.take(task) is None

    def _resend_or_fail(self, task: Task) -> None:
        """Announce a task that no worker holds and that only a message can start, or fail it after too many
        dead letters."""
        now = self.finalizer.clock.now()
        if task.is_expired(now):
            self.finalizer.time_out(task)
        elif task.status is Status.RUNNING and task.attempts_are_used_up():
            self.finalizer.fail(task, worker_lost(task), guard_of_loss(task.fence))
        elif undelivered := after_dead_letter(task.undelivered, now):
            # None means a duplicate of a counted message, which was sent again already
            if undelivered.times <= MOST_DEAD_LETTERS:
                self._announce(task, undelivered, now)
            elif isinstance(
                self.finalizer.fail(task, _never_claimed(), guard_of_dead_letter(task.fence)), Written
            ):
                self._log("task failed after too many dead letters", task, undelivered)

    def _announce(self, task: Task, undelivered: Undelivered, now: int) -> None:
        """Record, then send, so that of two concurrent copies only one sends. If this process dies in
        between, the write is not known for its own, or the start is too far away for the queue, the sweeper
        sends the message."""
        starts_at = max(undelivered.resent_at, task.not_before)
        due_at = due_after_create(now, task.deadline, starts_at)
        if not self.store.note_undelivered(task.ref, task.fence, task.undelivered, undelivered, due_at):
            return  # claimed meanwhile, announced for a duplicate, or the SDK repeated the write
        self._log("task announced again after a dead letter", task, undelivered)
        # for a later start than SQS can delay a message the sweeper sends it
        if starts_at - now <= MAX_QUEUE_DELAY_MS:
            self.queue.send(task, whole_seconds(starts_at - now))

    def _log(self, what: str, task: Task, undelivered: Undelivered) -> None:
        self.telemetry.count("TasksDeadLettered")
        self.telemetry.event(what, task, times=undelivered.times)


def _never_claimed() -> Failure:
    times = MOST_DEAD_LETTERS + 1
    return Failure(
        FailureCode.EXECUTION_ERROR,
        f"No worker could take the task up: {times} times every delivery of its message failed before.",
    )
