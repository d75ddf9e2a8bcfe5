"""Telemetry of a command, which a person watches instead."""

from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import Span


class SilentTelemetry:
    """``Telemetry`` without output: manual operations are in no metric and no log."""

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        """Nothing."""

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        """Nothing."""

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        """Nothing."""

    def milliseconds(self, metric: str, value: float) -> None:
        """Nothing."""

    def seconds(self, metric: str, value: float) -> None:
        """Nothing."""

    def span(self, span: Span | None) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Nothing."""
