"""Logs and metrics through Powertools: JSON lines and CloudWatch's embedded metric format (EMF).
Spans over OTLP, if tracing is on."""

import json
import sys
import threading
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from a2a_tasks.adapters.span_export import SpanOutlet
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import Span

SERVICE = "tasks"
"""The only dimension of metrics. Which function counted does not matter, and projects would be unbounded."""


class PowertoolsTelemetry:
    """``Telemetry`` of one function. Thread-safe, because the worker writes in threads. Without
    ``spans`` none are recorded."""

    def __init__(self, logger: Logger, spans: SpanOutlet | None = None) -> None:
        self._logger = logger
        self._spans = spans or SpanOutlet()
        self._lock = threading.Lock()
        self._metrics = EphemeralMetrics(service=SERVICE)

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:
        self._logger.info(name, extra=_fields(task, fields))

    def problem(
        self, name: str, task: Task | None = None, *, error: Exception | None = None, **fields: object
    ) -> None:
        self._logger.error(name, extra=_fields(task, fields), exc_info=error)

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        self._add(metric, MetricUnit.Count, value)
        if code is not None:
            by_code = EphemeralMetrics()
            by_code.add_dimension("service", SERVICE)
            by_code.add_dimension("code", code)
            by_code.add_metric(metric, MetricUnit.Count, value)
            _print(by_code)

    def milliseconds(self, metric: str, value: float) -> None:
        self._add(metric, MetricUnit.Milliseconds, value)

    def seconds(self, metric: str, value: float) -> None:
        self._add(metric, MetricUnit.Seconds, value)

    def span(self, span: Span | None) -> None:
        self._spans.add(span)

    def end_invocation(self) -> None:
        """Flush, and wait for the spans a moment, because Lambda freezes the process afterwards."""
        self.flush()
        self._spans.wait()

    def flush(self) -> None:
        self._spans.flush(self)
        with self._lock:
            if self._metrics.metric_set:
                _print(self._metrics)

    def _add(self, metric: str, unit: MetricUnit, value: float) -> None:
        with self._lock:
            self._metrics.add_metric(name=metric, unit=unit, value=value)


def _print(metrics: EphemeralMetrics) -> None:
    """In one write; Powertools uses two, between which another thread's line would corrupt both."""
    if not is_metrics_disabled():
        sys.stdout.write(json.dumps(metrics.serialize_metric_set(), separators=(",", ":")) + "\n")
    metrics.clear_metrics()


def _fields(task: Task | None, fields: dict[str, object]) -> dict[str, Any]:
    known = {name: value for name, value in fields.items() if value is not None}
    if task is None:
        return known
    ids = {
        "task_id": task.ref.task_id,
        "agent_id": task.ref.agent_id,
        "project_id": task.project_id,
        "correlation_id": task.correlation_id,
    }
    return ids | known | ({"trace_id": task.trace.trace_id} if task.trace else {})
