"""Ended tasks, tried again: as new tasks with the same input."""

from dataclasses import dataclass, replace

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.ids import created_ms
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.domain.tracing.trace_context import TraceContext
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.submission import RESERVED_MS, Idempotency, Submission, Submitter

RETRYABLE = frozenset({Status.FAILED, Status.CANCELED})


@dataclass(frozen=True)
class Retries:
    """Retries tasks. Raises ``RequestRefused``, ``StoreUnavailable``, ``PayloadUnavailable`` and
    ``PayloadCorrupt``."""

    submitter: Submitter
    payloads: PayloadStore
    finalizer: TaskFinalizer

    def retry(
        self,
        task: Task,
        *,
        correlation_id: str,
        key_id: str,
        idempotency_key: str | None,
        trace: TraceContext | None = None,
    ) -> Task:
        """A new task with the input, conversation, limits and groups of one that has failed or was canceled,
        on its agent as it is now. Its webhooks are not taken over, since their secrets are sealed for one
        task, nor its parent, which has gone on without it.

        The same ``idempotency_key`` leads to the same retry. Without one a task has one retry at a time:
        while it lives it is the answer.
        """
        if task.status not in RETRYABLE:
            raise RequestRefused(
                ErrorCode.TASK_NOT_RETRYABLE,
                f"The task is {task.status}; only one that has failed or was canceled can be retried.",
            )
        submission = replace(self._submission(task, correlation_id, key_id), trace=trace)
        if idempotency_key is not None:
            asked = Idempotency(idempotency_key, f"retry {task.ref.task_id}")
        else:
            # callers' keys have no line breaks, so this one cannot collide. It lives as long as any task,
            # because it identifies the current retry
            asked = Idempotency(f"retry\n{task.ref.task_id}", "", LONGEST_LIFE_MS)
        held = self.submitter.reserve(submission, asked)
        if idempotency_key is None and self._is_over(task, held):
            # of several concurrent requests one replaces the reservation, and the others get its task
            held = self.submitter.reserve(submission, asked, replaced=held.task_id)
        return self.submitter.submit(submission, held)

    def _is_over(self, task: Task, held: Reservation) -> bool:
        """Whether the task of an earlier retry has ended."""
        if held.is_new:
            return False
        earlier = self.submitter.store.get(TaskRef(task.ref.agent_id, held.task_id))
        if earlier is not None:
            return self.finalizer.expire_if_overdue(earlier).is_terminal
        # the process that reserved the id died before creating the task, or the task's retention is over
        return self.submitter.clock.now() - created_ms(held.task_id) > RESERVED_MS

    def _submission(self, task: Task, correlation_id: str, key_id: str) -> Submission:
        document = payload.load(self.payloads, task.input)
        return Submission(
            project_id=task.project_id,
            agent_id=task.ref.agent_id,
            message=document["message"],
            context=document.get("context"),
            parts=tuple(document.get("parts", ())),
            envelope=document.get("envelope"),
            is_untrusted=document.get("untrusted", False),
            timeout_ms=task.timeout_ms,
            queue_timeout_ms=task.queue_timeout_ms,
            priority=task.priority,
            lane=task.lane,
            max_attempts=task.max_attempts if task.bounds_tries else None,
            budget=task.budget,
            context_id=task.context_id,
            groups=task.groups,
            spender=task.spender,
            correlation_id=correlation_id,
            key_id=key_id,
            retry_of=task.ref.task_id,
        )
