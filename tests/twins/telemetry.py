"""Telemetry that a test can read."""

from collections import Counter
from dataclasses import dataclass, field

from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import Span


@dataclass(frozen=True)
class Line:
    """One log line; ``task_id`` is None if it concerns no task."""

    name: str
    task_id: str | None
    fields: dict[str, object]


@dataclass
class MemoryTelemetry:
    """``Telemetry`` in lists. ``counts`` holds totals by metric, and by ``(metric, code)``; ``samples``
    the values that a metric's totals are made of."""

    events: list[Line] = field(default_factory=list)
    problems: list[Line] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    counts: Counter[str | tuple[str, str]] = field(default_factory=Counter)
    samples: dict[str, list[float]] = field(default_factory=dict)
    durations: dict[str, list[float]] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    flushes: int = 0

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        self.events.append(Line(name, task.ref.task_id if task else None, fields))

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        self.problems.append(Line(name, task.ref.task_id if task else None, fields))
        if error is not None:
            self.errors.append(error)

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        self.samples.setdefault(metric, []).append(value)
        self.counts[metric] += value  # type: ignore[assignment]  # costs are fractions
        if code is not None:
            self.counts[metric, code] += value  # type: ignore[assignment]

    def milliseconds(self, metric: str, value: float) -> None:
        self.durations.setdefault(metric, []).append(value)

    def seconds(self, metric: str, value: float) -> None:
        self.durations.setdefault(metric, []).append(value)

    def span(self, span: Span | None) -> None:
        if span is not None:
            self.spans.append(span)

    def flush(self) -> None:
        self.flushes += 1

    def names(self) -> list[str]:
        """The names of the problems, in order."""
        return [line.name for line in self.problems]
