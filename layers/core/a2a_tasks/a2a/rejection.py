"""Rejected requests as tasks, for callers who expect a task."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, Failure, FailureCode, RequestRefused
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.submission import Submission, Submitter

REJECTIONS = frozenset({ErrorCode.AGENT_DISABLED, ErrorCode.BUDGET_EXCEEDED})
"""Errors that mean that the agent takes no tasks now, rather than that the request is invalid."""


@dataclass(frozen=True)
class Rejecter:
    """Submits tasks. A rejected one becomes a task that has failed with REJECTED and the reason."""

    submitter: Submitter
    finalizer: TaskFinalizer

    def submit(self, submission: Submission) -> Task:
        """As ``Submitter.submit``. Raises ``RequestRefused`` if the request itself is invalid."""
        try:
            return self.submitter.submit(submission)
        except RequestRefused as refused:
            if refused.code not in REJECTIONS:
                raise
            # created past its deadline, so that no worker can claim it; after a crash in between it times out
            return self._rejected(self.submitter.create_expired(submission), refused.message)

    def _rejected(self, task: Task, reason: str) -> Task:
        # another request with the same key may have been accepted meanwhile: that task is not past its
        # deadline
        guard = Guard(frozenset({Status.PENDING}), deadline_by=self.finalizer.clock.now())
        result = self.finalizer.fail(task, Failure(FailureCode.REJECTED, reason), guard)
        return result.current or task
