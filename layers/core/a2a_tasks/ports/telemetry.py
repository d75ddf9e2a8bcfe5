"""What operators see: logs and metrics. Never prompts, results or secrets."""

from typing import Protocol

from a2a_tasks.domain.task import Task


class Telemetry(Protocol):
    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        """One structured log line, with the task's ids and correlation id."""
        ...

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        """The same for what an operator may have to look at; ``error`` adds its trace."""
        ...

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        """Add to a metric; ``code`` (bounded: a failure code) makes a second series by code."""
        ...

    def milliseconds(self, metric: str, value: float) -> None: ...

    def seconds(self, metric: str, value: float) -> None: ...

    def flush(self) -> None:
        """Send what was counted so far."""
        ...
