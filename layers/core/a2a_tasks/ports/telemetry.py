"""Logs, metrics and spans for operators. They never contain prompts, results or secrets."""

from typing import Protocol

from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import Span


class Telemetry(Protocol):
    """Structured logs, CloudWatch metrics and spans of one process."""

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        """Write one structured log line. With ``task`` it carries the task's ids, its trace and
        its correlation id."""
        ...

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        """Like ``event``, at error level; ``error`` adds the stack trace."""
        ...

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        """Add ``value`` to a counter. ``code`` adds a second series with that dimension, so its values must
        be few (failure codes)."""
        ...

    def milliseconds(self, metric: str, value: float) -> None:
        """Record a duration in milliseconds."""
        ...

    def seconds(self, metric: str, value: float) -> None:
        """Record a duration in seconds."""
        ...

    def span(self, span: Span | None) -> None:
        """Record a span. None, of a trace that is not recorded, is ignored."""
        ...

    def flush(self) -> None:
        """Emit the metrics that were collected so far, and begin to send the spans. Never blocks."""
        ...
