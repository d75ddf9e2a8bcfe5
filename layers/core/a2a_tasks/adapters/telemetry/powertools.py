"""Logs and metrics through Powertools: JSON lines and CloudWatch's embedded metric format (EMF).
Spans over OTLP, if tracing is on."""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from a2a_tasks.adapters.telemetry.span_outlet import SpanOutlet
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import Span

SERVICE = "tasks"
"""The only dimension of metrics. Which function counted does not matter, and projects would be unbounded."""


class PowertoolsTelemetry:
    """``Telemetry`` of one function. Thread-safe, because the worker writes in threads.

    Args:
        logger: Writes the lines.
        spans: Without it none are recorded.
        seconds_between: Metrics are collected for so long before they are flushed, but not beyond the end of
            an invocation. A line of metrics costs as much as the story of a task.
        ticks: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        logger: Logger,
        spans: SpanOutlet | None = None,
        *,
        seconds_between: float = 0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._spans = spans or SpanOutlet()
        self._seconds_between = seconds_between
        self._ticks = ticks
        self._collected_since: float | None = None
        self._lock = threading.Lock()
        # not Powertools' ordinary metrics, which the whole process shares: one flush would take another's
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
            # a separate line, because EMF dimensions apply to all metrics of a line
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
        self._flush(seconds_between=0)
        self._spans.wait()

    def flush(self) -> None:
        self._flush(self._seconds_between)

    def _flush(self, seconds_between: float) -> None:
        self._spans.flush(self)
        with self._lock:
            since = self._collected_since
            if since is not None and self._ticks() - since >= seconds_between:
                self._collected_since = None
                if self._metrics.metric_set:  # Powertools prints it itself once it is full
                    _print(self._metrics)

    def _add(self, metric: str, unit: MetricUnit, value: float) -> None:
        with self._lock:
            if self._collected_since is None:
                self._collected_since = self._ticks()
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
