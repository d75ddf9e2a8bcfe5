"""CloudWatch for a simulated deployment: the functions' own metrics, and AWS's metrics of them."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.alarms.deployment import Deployment
from tests.alarms.metrics import Metric, Metrics
from tests.load.simulator.kernel import Kernel


@dataclass
class Meter:
    """All samples, each with its time in seconds since the beginning."""

    kernel: Kernel
    deployment: Deployment
    samples: dict[Metric, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def own(self, name: str, value: float, code: str | None = None) -> None:
        """Of the functions' own metrics."""
        self.add(self.deployment.own(name, code), value)

    def add(self, metric: Metric, value: float) -> None:
        self.samples[metric].append((self.kernel.time, value))

    def repeated(self, metrics: Metrics, minutes: int) -> None:
        """Replace the samples in ``metrics`` by those of the first ``minutes``, repeatedly."""
        for metric, samples in self.samples.items():
            by_minute = defaultdict(list)
            for second, value in samples:
                by_minute[int(second // 60)].append(value)
            metrics.known[metric] = {}
            for begin in range(0, metrics.minutes, minutes):
                for minute in range(min(minutes, metrics.minutes - begin)):
                    if values := by_minute.get(minute):
                        metrics.add(metric, begin + minute, *values)
