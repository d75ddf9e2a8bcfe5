"""Metrics of some days, as CloudWatch keeps them: one aggregate for each minute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MINUTES_A_DAY = 1_440


class Metric(NamedTuple):
    """What identifies a metric: its namespace, its name, and its dimensions. A tuple, as below, since there
    are hundreds of thousands."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "Metric":
        return cls(namespace, name, frozenset(dimensions.items()))


class Aggregate(NamedTuple):
    """The samples of a metric in a minute or longer; there is at least one."""

    total: float
    samples: int
    least: float
    most: float

    @classmethod
    def of(cls, samples: Iterable[float]) -> "Aggregate":
        values = list(samples)
        return cls(sum(values), len(values), min(values), max(values))

    def and_(self, other: "Aggregate") -> "Aggregate":
        return Aggregate(
            self.total + other.total,
            self.samples + other.samples,
            min(self.least, other.least),
            max(self.most, other.most),
        )

    def statistic(self, name: str) -> float:
        match name:
            case "Sum":
                return self.total
            case "SampleCount":
                return float(self.samples)
            case "Minimum":
                return self.least
            case "Maximum":
                return self.most
            case _:
                raise NotImplementedError(name)


@dataclass
class Metrics:
    """All metrics over ``minutes`` minutes. A metric without samples is known, and silent."""

    minutes: int
    known: dict[Metric, dict[int, Aggregate]] = field(default_factory=dict)
    _shared: set[Metric] = field(default_factory=set)

    def copy(self) -> "Metrics":
        """A series is copied when either of the two changes it."""
        self._shared = set(self.known)
        return Metrics(self.minutes, dict(self.known), set(self.known))

    def silent(self, *metrics: Metric) -> None:
        for metric in metrics:
            self.known.setdefault(metric, {})

    def add(self, metric: Metric, minute: int, *samples: float) -> None:
        """Further samples of a minute. Zero counts are samples too."""
        self._keep_apart(metric)
        series = self.known.setdefault(metric, {})
        new = Aggregate.of(samples)
        series[minute] = series[minute].and_(new) if minute in series else new

    def drop(self, metric: Metric, minutes: range) -> None:
        """Nothing is published in these minutes. Raises KeyError for a metric that nobody publishes."""
        self._keep_apart(metric)
        for minute in minutes:
            self.known[metric].pop(minute, None)

    def _keep_apart(self, metric: Metric) -> None:
        if metric in self._shared:
            self._shared.discard(metric)
            self.known[metric] = dict(self.known[metric])

    def datapoints(self, metric: Metric, statistic: str, period: int) -> list[float | None]:
        """One for each ``period`` in seconds, None where there is no sample. Raises KeyError for a metric
        that nobody publishes."""
        span = period // 60
        buckets: list[Aggregate | None] = [None] * (self.minutes // span)
        for minute, aggregate in self.known[metric].items():
            if (bucket := minute // span) < len(buckets):
                before = buckets[bucket]
                buckets[bucket] = before.and_(aggregate) if before else aggregate
        return [bucket.statistic(statistic) if bucket else None for bucket in buckets]
