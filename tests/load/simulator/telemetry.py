"""Metrics of simulated functions: totals, or each sample with its time."""

from dataclasses import dataclass, field

from a2a_tasks.domain.task import Task
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from tests.load.simulator.meter import Meter
from tests.twins.telemetry import MemoryTelemetry

OUTAGES = (StoreUnavailable, QueueUnavailable, PayloadUnavailable)


class CountingTelemetry(MemoryTelemetry):
    """Keeps totals only."""

    def event(self, name: str, task: Task | None = None, **fields: object) -> None:  # noqa: ARG002
        self.counts[name] += 1

    def problem(self, name: str, *about: object, error: Exception | None = None, **fields: object) -> None:  # noqa: ARG002
        self.counts[name] += 1
        if error is not None and not isinstance(error, OUTAGES):
            self.errors.append(error)

    def milliseconds(self, metric: str, value: float) -> None:
        """Not stored."""


@dataclass
class MeteredTelemetry(CountingTelemetry):
    """Publishes as the functions do (``adapters/telemetry``): without a code, and also by code."""

    meter: Meter = field(kw_only=True)

    def count(self, metric: str, value: float = 1, *, code: str | None = None) -> None:
        super().count(metric, value, code=code)
        self.meter.own(metric, value)
        if code is not None:
            self.meter.own(metric, value, code)

    def milliseconds(self, metric: str, value: float) -> None:
        self.meter.own(metric, value)

    def seconds(self, metric: str, value: float) -> None:
        self.meter.own(metric, value)
