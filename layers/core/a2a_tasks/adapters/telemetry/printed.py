"""Logs and metrics as JSON lines, for the function to which WeCom gives one second. Spans if tracing is on.

The format is that of ``powertools.py`` beside it, whose libraries take a considerable part of that second to
import.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass, field

from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import Span

SERVICE = "tasks"
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


@dataclass
class PrintedTelemetry:
    """``Telemetry``: lines on standard output, metrics in CloudWatch's embedded metric format (EMF). Not
    thread-safe."""

    service: str
    namespace: str
    level: str
    spans: SpanOutlet = field(default_factory=SpanOutlet)
    _metrics: dict[tuple[str, str | None], tuple[str, float]] = field(default_factory=dict)

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        self._line("INFO", name, task, fields)

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        trace = None if error is None else "".join(traceback.format_exception(error))
        self._line("ERROR", name, task, fields | {"exception": trace})

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        self._add(metric, None, "Count", value)
        if code is not None:
            self._add(metric, code, "Count", value)

    def milliseconds(self, metric: str, value: float) -> None:
        self._add(metric, None, "Milliseconds", value)

    def seconds(self, metric: str, value: float) -> None:
        self._add(metric, None, "Seconds", value)

    def span(self, span: Span | None) -> None:
        self.spans.add(span)

    def end_invocation(self) -> None:
        """Flush, and wait for the spans a moment, because Lambda freezes the process afterwards."""
        self.flush()
        self.spans.wait()

    def flush(self) -> None:
        self.spans.flush(self)
        for (metric, code), (unit, value) in self._metrics.items():
            dimensions = {"service": SERVICE} | ({} if code is None else {"code": code})
            declared = {
                "Namespace": self.namespace,
                "Dimensions": [list(dimensions)],
                "Metrics": [{"Name": metric, "Unit": unit}],
            }
            about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [declared]}
            _print({"_aws": about, metric: value} | dimensions)
        self._metrics.clear()

    def _add(self, metric: str, code: str | None, unit: str, value: float) -> None:
        _, before = self._metrics.get((metric, code), (unit, 0.0))
        self._metrics[metric, code] = (unit, before + value)

    def _line(self, level: str, name: str, task: Task | None, fields: dict[str, object]) -> None:
        if LEVELS[level] < LEVELS.get(self.level, 0):
            return
        ids = {}
        if task is not None:
            ids = {
                "task_id": task.ref.task_id,
                "agent_id": task.ref.agent_id,
                "project_id": task.project_id,
                "correlation_id": task.correlation_id,
            }
            ids |= {"trace_id": task.trace.trace_id} if task.trace else {}
        known = {key: value for key, value in fields.items() if value is not None}
        _print({"level": level, "message": name, "service": self.service} | ids | known)


def _print(document: dict[str, object]) -> None:
    # a single write, because other threads print too
    sys.stdout.write(json.dumps(document, default=str) + "\n")
    sys.stdout.flush()
