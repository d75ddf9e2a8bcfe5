"""The trace of a task. It is stored with the task, so all processes that work on it know it."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from a2a_tasks.domain import ids
from a2a_tasks.domain.tracing.trace_context import NO_SPAN, TraceContext


def span_id(task_id: str, *what: str | int) -> str:
    """A deterministic span id, the same in every process: a span that is sent twice has one id, and other
    spans can refer to it before it is sent."""
    return hashlib.sha256("/".join(map(str, (task_id, *what))).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TaskTrace:
    """The trace that a task belongs to."""

    trace_id: str
    """32 hexadecimal digits. Without a caller's they are those of the task's id."""
    parent_id: str | None
    """The span that the task's own is under: the caller's, or that of the tool call that started it."""
    is_recorded: bool
    """Whether spans are recorded here. Decided when the task is created, and then for all that it starts."""
    is_sampled: bool = False
    """Whether the caller records its part."""
    state: str = ""
    """The caller's ``tracestate``."""

    @classmethod
    def of_new_task(
        cls, task_id: str, caller: TraceContext | None, share: float | None
    ) -> "TaskTrace | None":
        """The trace of a new task, or None if neither the caller nor this deployment traces it.

        Args:
            task_id: The task's id. It alone decides which tasks are recorded, because callers could choose
                trace ids that always are.
            caller: What the caller sent. If it does not record its part, neither does this deployment.
            share: Share of tasks that are recorded, from 0 to 1. None if tracing is off; the caller's
                context is passed on all the same.
        """
        is_chosen = share is not None and ids.fraction(task_id) < share
        if caller is not None:
            # the caller's flag can only prevent recording: otherwise callers could have all of their tasks
            # recorded
            is_recorded = is_chosen and caller.is_sampled
            return cls(caller.trace_id, caller.span_id, is_recorded, caller.is_sampled, caller.state)
        return None if share is None else cls(UUID(task_id).hex, None, is_chosen)

    def under(self, parent_id: str) -> "TaskTrace":
        """The trace of a task that a span of this one starts."""
        # a span that is not recorded cannot be a parent, so the caller's span stays the parent
        parent_id = parent_id if self.is_recorded else self.parent_id or parent_id
        return TaskTrace(self.trace_id, parent_id, self.is_recorded, self.is_sampled, self.state)

    def context(self, span: str) -> TraceContext:
        """What is sent to others in requests of the span. If nothing is recorded here, they get the caller's
        context unchanged."""
        if self.is_recorded:
            return TraceContext(self.trace_id, span, is_sampled=True, state=self.state)
        return TraceContext(self.trace_id, self.parent_id or span, self.is_sampled, self.state)

    # -- as stored

    @property
    def traceparent(self) -> str:
        """Trace, parent and the caller's flag, in the header's form."""
        return TraceContext(self.trace_id, self.parent_id or NO_SPAN, self.is_sampled).traceparent

    @classmethod
    def of_stored(cls, traceparent: str, state: str, *, is_recorded: bool) -> "TaskTrace":
        """Rebuild what was stored."""
        _, trace_id, parent_id, flags = traceparent.split("-")
        return cls(trace_id, None if parent_id == NO_SPAN else parent_id, is_recorded, flags == "01", state)
