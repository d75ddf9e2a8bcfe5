"""The end of tasks: the only place that writes a terminal status, counts it once, and starts what follows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import Guard, guard_of_cancel, guard_of_expiry
from a2a_tasks.domain.task import Lane, Outcome, Payload, Status, Task, TaskRef
from a2a_tasks.domain.tracing import task_spans
from a2a_tasks.domain.usage import Spent, total
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.queues import TaskSender
from a2a_tasks.ports.tasks import Refused, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry

FOLLOW_UP_SECONDS = 30
"""Within this time the process that ended a waiting task has done what follows, or has died."""
LATE_MS = 180_000
"""An end that is written later than this after the deadline is late: two sweeps have missed the task."""


@dataclass(frozen=True)
class TaskFinalizer:
    """Ends tasks by guarded writes. Only the writer whose write takes effect reports it, so each end
    counts once.

    What follows an end (notifying its worker, freeing slots, waking the parent, canceling children) never
    fails the end itself. The sweeper does what a crash left undone, and a worker that was not notified
    learns of the end with its next write. A task that awaits children is announced before its end is
    written, so that a crash in between cannot leave them running.

    All methods raise ``StoreUnavailable``. ``spent`` is given by whoever holds the task: its claim's id then
    identifies the end, so that a retry after a lost response recognizes its own.
    """

    store: TaskStore
    slots: Slots
    holders: Holders
    queue: TaskSender
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    retention_ms: int

    def complete(
        self, task: Task, output: Payload, spent: tuple[Spent, ...], guard: Guard
    ) -> Written | Refused:
        """Complete a task with its output and final usage."""
        return self._finish(task, guard, Status.COMPLETED, output=output, spent=spent)

    def fail(
        self,
        task: Task,
        failure: Failure,
        guard: Guard,
        *,
        spent: tuple[Spent, ...] | None = None,
        output: Payload | None = None,
    ) -> Written | Refused:
        """Fail a task, optionally with a partial output. ``spent`` None leaves its usage as stored."""
        return self._finish(task, guard, Status.FAILED, failure=failure, spent=spent, output=output)

    def cancel(self, task: Task) -> Written | Refused:
        """Cancel a task, unless it has ended or its deadline has passed."""
        return self._finish(task, guard_of_cancel(self.clock.now()), Status.CANCELED)

    def time_out(
        self,
        task: Task,
        *,
        spent: tuple[Spent, ...] | None = None,
        output: Payload | None = None,
        fence: int | None = None,
    ) -> Written | Refused:
        """Fail a task whose deadline has passed, unless it has ended otherwise. ``fence`` is given by the
        worker that holds it."""
        guard = guard_of_expiry(self.clock.now(), fence)
        return self.fail(task, _timeout(task), guard, spent=spent, output=output)

    def expire_if_overdue(self, task: Task) -> Task:
        """The task as readers may see it: if its deadline has passed, it is failed first."""
        if not task.is_expired(self.clock.now()):
            return task
        result = self.time_out(task)
        return result.current or task

    def wake_if_ready(self, task: Task) -> bool:
        """Let a task continue if all tasks that it awaits have ended. True if this call did so.

        Raises ``StoreUnavailable`` and ``QueueUnavailable``.
        """
        if task.status is not Status.PENDING or not task.awaits:
            return False
        if not all(self._has_ended(ref) for ref in task.awaits):
            return False
        # under the fence: if several children end at once, only one of them wakes the task
        result = self.store.wake(task.ref, task.fence, self.clock.now())
        if isinstance(result, Written):
            # if the message is lost, the task is due and the sweeper starts it
            self.queue.send(result.task)
        return isinstance(result, Written)

    def cancel_children(self, task: Task, children: tuple[TaskRef, ...]) -> None:
        """Cancel the tasks that an ended task started and awaited."""
        for ref in children:
            self._attempt(task, "started task not canceled", partial(self._cancel_child, ref))

    def _has_ended(self, ref: TaskRef) -> bool:
        task = self.store.get(ref)
        # None means that its retention is over, so it ended long ago
        return task is None or self.expire_if_overdue(task).is_terminal

    def _finish(
        self,
        task: Task,
        guard: Guard,
        status: Status,
        *,
        output: Payload | None = None,
        failure: Failure | None = None,
        spent: tuple[Spent, ...] | None = None,
    ) -> Written | Refused:
        if task.awaits and not guard.by_holder:
            # sent before the end is written: an ended task is never due, so after a crash nothing would stop
            # its children
            step = partial(self.queue.send, task, FOLLOW_UP_SECONDS)
            self._attempt(task, "end of a waiting task not announced", step)
        now, claim_id = self.clock.now(), None if spent is None else task.claim_id
        outcome = Outcome(
            status=status,
            at=now,
            finish_id=claim_id or self.entropy.bytes(8).hex(),
            retain_until=now + self.retention_ms,
            output=output,
            failure=failure,
            spent=spent,
            seen=task.spent,
        )
        # the guard protects an earlier end; a retry succeeds by the ``finish_id`` of its own earlier write
        result = self.store.finish(task.ref, outcome, guard)
        if isinstance(result, Written):
            self._report(result.task)
            self._follow_up(result.task)
            for span in task_spans.ended(result.task):
                self.telemetry.span(span)
        return result

    def _follow_up(self, task: Task) -> None:
        """What follows from a written end. A crash may prevent it: then the sweep of the line frees the
        slot, and a waiting task is woken when it is due."""
        if task.lane is not Lane.BATCH:
            self._attempt(task, "slot not freed", lambda: self._notify_or_free(task))
        if task.parent is not None:
            self._attempt(task, "waiting task not woken", lambda: self._wake_parent(task))
        self.cancel_children(task, task.awaits)

    def _notify_or_free(self, task: Task) -> None:
        """Notify the worker that may still be executing the task; it frees the slot itself. Only after the
        end is written, because the worker reads the task."""
        # a worker that may still be executing keeps the slot until it notices, so that the limit holds
        if not self.holders.notify(task):
            self.slots.leave(task, ended=True)

    def _attempt(self, task: Task, problem: str, step: Callable[[], object]) -> None:
        try:
            step()
        except (StoreUnavailable, QueueUnavailable) as error:
            # a failed follow-up must not look like a failed end to the caller
            self.telemetry.problem(problem, task, reason=str(error))

    def _wake_parent(self, task: Task) -> None:
        parent = self.store.get(task.parent.ref) if task.parent else None
        if parent is not None:
            self.wake_if_ready(parent)

    def _cancel_child(self, ref: TaskRef) -> None:
        child = self.store.get(ref)
        # read first, which saves a refused write for a child that has ended already
        if child is not None and not child.is_terminal:
            self.cancel(child)

    def _report(self, task: Task) -> None:
        match task.status:
            case Status.COMPLETED:
                self.telemetry.count("TasksCompleted")
            case Status.CANCELED:
                self.telemetry.count("TasksCanceled")
            case _ if task.failure and task.failure.code is FailureCode.REJECTED:
                self.telemetry.count("TasksRejected")  # not counted as a failure
            case _ if task.failure:
                self.telemetry.count("TasksFailed", code=task.failure.code)
        is_late = task.completed_at is not None and task.completed_at > task.deadline + LATE_MS
        # one sample per end, so that the average is a share
        self.telemetry.count("TasksEndedLate", int(is_late))
        is_measured = task.lane is not Lane.BATCH  # batches take hours, which would distort the distribution
        if is_measured and task.started_at is not None and task.completed_at is not None:
            self.telemetry.milliseconds("RunTimeMs", task.completed_at - task.started_at)
        own = total(entry for entry in task.known_spent if entry.task_id is None)  # without started tasks
        self.telemetry.event(
            f"task {task.status}",
            task,
            attempts=task.attempt,
            failure=task.failure.code if task.failure else None,
            seconds=_seconds(task.created_at, task.completed_at),
            wait_seconds=_seconds(task.created_at, task.started_at),
            run_seconds=_seconds(task.started_at, task.completed_at),
            turns=own.turns,
            tokens=own.tokens,
            cost_usd=None if own.cost_usd is None else float(own.cost_usd),
        )


def _seconds(begin: int | None, end: int | None) -> float | None:
    return None if begin is None or end is None else (end - begin) / 1000


def _too_busy(task: Task) -> Failure:
    seconds = min(task.queue_timeout_ms, task.deadline - task.created_at) / 1000
    waited = f"The task waited {seconds:g} s in all (queueTimeout)"
    reason = f"{waited}, last for {task.model} to take a call."
    return Failure(FailureCode.MODEL_OVERLOADED, reason)


def _not_started(task: Task) -> Failure:
    seconds = (task.deadline - max(task.created_at, task.not_before)) / 1000
    what = "a worker, or for one of its agent's slots"
    if task.lane is Lane.BATCH:
        what = "a batch"
    elif task.context_id is not None:
        what += ", or for its turn in its conversation"
    reason = f"The task was not started within its queueTimeout: it waited {seconds:g} s for {what}."
    return Failure(FailureCode.QUEUE_TIMEOUT, reason)


def _timeout(task: Task) -> Failure:
    if task.status is Status.INPUT_REQUIRED:
        return Failure(FailureCode.TIMEOUT, "The agent's question was not answered in time.")
    if task.waits_for_start:
        return _too_busy(task) if task.throttled_calls else _not_started(task)
    seconds = (task.timeout_ms or task.deadline - task.created_at) / 1000
    return Failure(FailureCode.TIMEOUT, f"The task did not finish within its timeout of {seconds:g} s.")
