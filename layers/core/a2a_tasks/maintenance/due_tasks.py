"""Tasks that are due: somebody must look at them, and do what is missing."""

from dataclasses import dataclass

from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.domain.schedule import (
    MAX_QUEUE_DELAY_MS,
    NextAction,
    due_after_release,
    due_after_resend,
    due_after_take_over,
    due_while_awaiting,
    goes_first,
    may_be_lost,
    next_action,
    whole_seconds,
)
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.maintenance.backlog import Backlog
from a2a_tasks.maintenance.dead_workers import DeadWorkers
from a2a_tasks.maintenance.sweep_report import Did
from a2a_tasks.ports.queues import BatchLine, TaskSender
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer


@dataclass(frozen=True)
class DueTasks:
    """What is to be done about one task. Whatever is sent is moved first, so that of two looks at the same
    time only one sends; if the process dies in between, the task is due again later.

    The task may have been read a while ago: every write is conditioned on what was seen.
    All methods raise ``StoreUnavailable`` and ``QueueUnavailable``; calling again is then always right.
    """

    store: TaskStore
    queue: TaskSender
    slots: Slots
    batches: BatchLine
    ending: TaskFinalizer
    dead_workers: DeadWorkers
    backlog: Backlog
    telemetry: Telemetry

    def look_at(self, task: Task) -> Did:
        now = self.ending.clock.now()
        action = next_action(task, now)
        if action is NextAction.NOTHING or task.due_at is None:
            return Did.NOTHING  # the index is a moment behind
        if action is NextAction.EXPIRE:
            return Did.TIMED_OUT if isinstance(self.ending.time_out(task), Written) else Did.NOTHING
        if task.due_at > now:
            return Did.NOTHING  # moved on since the index was read
        match action:
            case NextAction.LEAVE_TO_BATCHER:
                return self._look_at_batched(task, now)
            case NextAction.WAIT_FOR_ANSWER:
                return self._postpone(task, task.deadline)
            case NextAction.FAIL_LOST | NextAction.TAKE_OVER:
                return self._look_at_running(task, now)
            case NextAction.WAKE:
                return self._look_at_parent(task, now)
            case NextAction.WAIT_FOR_START:
                return self._look_at_delayed(task, now)
            case NextAction.START:
                return self._look_at_pending(task, now)

    def _look_at_batched(self, task: Task, now: int) -> Did:
        """From now on it is the batcher's."""
        if task.status is Status.PENDING:
            self.batches.enqueue(task, now)  # whoever created it may have died before doing so
        return self._postpone(task, task.deadline)

    def _look_at_running(self, task: Task, now: int) -> Did:
        """Once for a claim: as soon as its worker's lease names the task, whoever finds that worker dead sees
        to it, and it is due at its deadline alone."""
        lease = self.ending.holders.lease(task)
        if lease is None:
            return self.dead_workers.take_back(task)
        return self._postpone(
            task, task.deadline if lease.is_watched(task) else due_after_take_over(now, task.deadline)
        )

    def _look_at_parent(self, task: Task, now: int) -> Did:
        """It waits for others, whose end may not have reached it."""
        if self.ending.wake_if_ready(task):
            return Did.RESENT
        return self._postpone(task, due_while_awaiting(now, task.deadline, task.updated_at))

    def _look_at_delayed(self, task: Task, now: int) -> Did:
        """A start that was too far away for the queue, and is near now."""
        delay_ms = task.not_before - now
        later = due_after_release(task.not_before, task.deadline)
        if delay_ms > MAX_QUEUE_DELAY_MS:
            return self._postpone(task, later)
        return self._send(task, later, whole_seconds(delay_ms))

    def _look_at_pending(self, task: Task, now: int) -> Did:
        """It waits for a worker: in its agent's line, in the queue, or in vain, since its message is lost."""
        if self.slots.is_waiting(task):  # who watches its line looks at it
            return self._postpone(task, task.deadline)
        backlog = self.backlog.waiting(is_urgent=goes_first(task))
        later = due_after_resend(task, now, backlog)
        return self._send(task, later) if may_be_lost(task, now, backlog) else self._postpone(task, later)

    def _postpone(self, task: Task, due_at: int) -> Did:
        moved = self.store.reschedule(task.ref, task.due_at or 0, due_at)
        return Did.POSTPONED if moved else Did.NOTHING

    def _send(self, task: Task, due_at: int, delay_seconds: int = 0) -> Did:
        if not self.store.reschedule(task.ref, task.due_at or 0, due_at):
            return Did.NOTHING
        self.queue.send(task, delay_seconds)
        self.telemetry.event("task sent again", task, state=task.status)
        return Did.RESENT
