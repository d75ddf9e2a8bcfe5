"""Logs and metrics for operators. They never contain prompts, results or secrets."""

from typing import Protocol

from a2a_tasks.domain.task import Task


class Telemetry(Protocol):
    """Structured logs and CloudWatch metrics of one process."""

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        """Write one structured log line. With ``task`` it carries the task's ids and correlation id."""
        ...

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        """The same at a level that operators look at; ``error`` adds the stack trace."""
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

    def flush(self) -> None:
        """Emit the metrics that were collected so far."""
        ...
