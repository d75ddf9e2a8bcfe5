"""What the sweeper does for a task that is due."""

from dataclasses import dataclass

from a2a_tasks.concurrency.pause_watch import PauseWatch
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
from a2a_tasks.maintenance.sweep_report import SweepAction
from a2a_tasks.ports.queues import BatchQueue, TaskSender
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks.finalization import TaskFinalizer


@dataclass(frozen=True)
class DueTasks:
    """Does what is missing for one task.

    The due time is moved before a message is sent, so that of two concurrent sweeps only one sends; after
    a crash in between, the task is due again later. The task may be out of date: every write is
    conditioned on what was read. All methods raise ``StoreUnavailable`` and ``QueueUnavailable``; calling
    again is safe.
    """

    store: TaskStore
    queue: TaskSender
    slots: Slots
    batches: BatchQueue
    finalizer: TaskFinalizer
    dead_workers: DeadWorkers
    backlog: Backlog
    pause: PauseWatch
    telemetry: Telemetry

    def check(self, task: Task) -> SweepAction:
        """Do what ``next_action`` says for a task from the index of due tasks."""
        now = self.finalizer.clock.now()
        action = next_action(task, now)
        if action is NextAction.NOTHING or task.due_at is None:
            return SweepAction.NOTHING  # the index entry is stale
        # before the due time is compared: an expired task is failed in any case
        if action is NextAction.EXPIRE:
            return (
                SweepAction.TIMED_OUT
                if isinstance(self.finalizer.time_out(task), Written)
                else SweepAction.NOTHING
            )
        if task.due_at > now:
            return SweepAction.NOTHING  # moved since the index was read
        match action:
            case NextAction.LEAVE_TO_BATCHER:
                return self._check_batched(task, now)
            case NextAction.WAIT_FOR_ANSWER:
                return self._postpone(task, task.deadline)
            case NextAction.FAIL_LOST | NextAction.TAKE_OVER:
                return self._check_running(task, now)
            case NextAction.WAKE:
                return self._check_parent(task, now)
            case NextAction.WAIT_FOR_START:
                return self._check_delayed(task, now)
            case NextAction.START:
                return self._check_pending(task, now)

    def _check_batched(self, task: Task, now: int) -> SweepAction:
        """Make sure that it is in line; from then on the batcher takes care of it until its deadline."""
        if task.status is Status.PENDING:
            # queued before the due time moves: after a crash in between, this is repeated
            self.batches.enqueue(task, now)  # the process that created it may have died before queueing it
        return self._postpone(task, task.deadline)

    def _check_running(self, task: Task, now: int) -> SweepAction:
        """Check once per claim. Once the worker's lease lists the task, the recovery of a dead worker
        includes it, so it is due only at its deadline."""
        lease = self.finalizer.holders.lease(task)
        if lease is None:
            return self.dead_workers.take_back(task)
        return self._postpone(
            task, task.deadline if lease.is_watched(task) else due_after_take_over(now, task.deadline)
        )

    def _check_parent(self, task: Task, now: int) -> SweepAction:
        """It awaits other tasks, and the wake-up may be lost."""
        if self.finalizer.wake_if_ready(task):
            return SweepAction.RESENT
        return self._postpone(task, due_while_awaiting(now, task.deadline, task.updated_at))

    def _check_delayed(self, task: Task, now: int) -> SweepAction:
        """Its start was too far away for an SQS delay and is near now."""
        delay_ms = task.not_before - now
        later = due_after_release(task.not_before, task.deadline)
        if delay_ms > MAX_QUEUE_DELAY_MS:
            return self._postpone(task, later)
        return self._send(task, later, whole_seconds(delay_ms))

    def _check_pending(self, task: Task, now: int) -> SweepAction:
        """It waits for a worker: in its agent's line, in the queue, or for a lost message."""
        if self.slots.is_waiting(task):  # lines are swept as a whole
            return self._postpone(task, task.deadline)
        backlog = self.backlog.waiting(is_urgent=goes_first(task))
        later = due_after_resend(task, now, backlog)
        # during a pause workers would return the message again and again, using up its receives
        if self.pause.is_on() or not may_be_lost(task, now, backlog):
            return self._postpone(task, later)
        return self._send(task, later)

    def _postpone(self, task: Task, due_at: int) -> SweepAction:
        # refused if it has ended, its deadline is earlier now, or another sweep has moved the due time
        moved = self.store.reschedule(task.ref, task.due_at or 0, due_at)
        return SweepAction.POSTPONED if moved else SweepAction.NOTHING

    def _send(self, task: Task, due_at: int, delay_seconds: int = 0) -> SweepAction:
        # also refused if the SDK repeated the write after a lost response: the task is then due again a
        # little later
        if not self.store.reschedule(task.ref, task.due_at or 0, due_at):
            return SweepAction.NOTHING
        self.queue.send(task, delay_seconds)
        self.telemetry.event("task announced again", task, state=task.status)
        return SweepAction.RESENT
