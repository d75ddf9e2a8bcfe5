"""How tasks end: the one place that writes a final state, and counts it once."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import (
    Guard,
    Outcome,
    Payload,
    Status,
    Task,
    guard_of_cancel,
    guard_of_expiry,
)
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.tasks import Refused, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry


@dataclass(frozen=True)
class Ending:
    """Ends tasks by guarded writes; whoever's write takes effect reports it, so that each end counts once.

    A writer that may try again gives a ``finish_id`` of its own, by which it is known if an answer was lost.
    """

    store: TaskStore
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    retention_ms: int

    def complete(
        self, task: Task, output: Payload, usage: Usage, guard: Guard, *, finish_id: str | None = None
    ) -> Written | Refused:
        return self._finish(task, guard, Status.COMPLETED, output=output, usage=usage, finish_id=finish_id)

    def fail(
        self,
        task: Task,
        failure: Failure,
        guard: Guard,
        *,
        usage: Usage | None = None,
        output: Payload | None = None,
        finish_id: str | None = None,
    ) -> Written | Refused:
        return self._finish(
            task, guard, Status.FAILED, failure=failure, usage=usage, output=output, finish_id=finish_id
        )

    def cancel(self, task: Task) -> Written | Refused:
        return self._finish(task, guard_of_cancel(self.clock.now()), Status.CANCELED)

    def time_out(
        self, task: Task, usage: Usage | None = None, finish_id: str | None = None
    ) -> Written | Refused:
        """Fail a task whose deadline has passed, unless something else ended it first."""
        seconds = (task.deadline - task.created_at) / 1000
        reason = Failure(FailureCode.TIMEOUT, f"The task did not finish within its timeout of {seconds:g} s.")
        guard = guard_of_expiry(self.clock.now())
        return self.fail(task, reason, guard, usage=usage, finish_id=finish_id)

    def settled(self, task: Task) -> Task:
        """The task as a reader may see it: never live past its deadline."""
        if not task.is_expired(self.clock.now()):
            return task
        result = self.time_out(task)
        current = result.task if isinstance(result, Written) else result.current
        return current or task

    def _finish(
        self,
        task: Task,
        guard: Guard,
        status: Status,
        *,
        output: Payload | None = None,
        failure: Failure | None = None,
        usage: Usage | None = None,
        finish_id: str | None = None,
    ) -> Written | Refused:
        now = self.clock.now()
        outcome = Outcome(
            status=status,
            at=now,
            finish_id=finish_id or self.entropy.bytes(8).hex(),
            retain_until=now + self.retention_ms,
            output=output,
            failure=failure,
            usage=usage,
        )
        result = self.store.finish(task.ref, outcome, guard)
        if isinstance(result, Written):
            self._report(result.task)
        return result

    def _report(self, task: Task) -> None:
        match task.status:
            case Status.COMPLETED:
                self.telemetry.count("TasksCompleted")
            case Status.CANCELED:
                self.telemetry.count("TasksCanceled")
            case _ if task.failure:
                self.telemetry.count("TasksFailed", code=task.failure.code)
        if task.started_at is not None and task.completed_at is not None:
            self.telemetry.milliseconds("RunTimeMs", task.completed_at - task.started_at)
        self.telemetry.event(
            f"task {task.status}",
            task,
            attempts=task.attempt,
            failure=task.failure.code if task.failure else None,
        )
