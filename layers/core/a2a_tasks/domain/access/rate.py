"""How often a caller may do something: a rate and a burst, by the generic cell rate algorithm (GCRA)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

HOUR_US = 3_600_000_000
AHEAD = 0.05
"""The part of what may pass in a minute that all processes together may have taken ahead of its use: so much
more than the limit may pass in a minute after a pause, and so much less while some keep what others need."""


@dataclass(frozen=True)
class Rate:
    """At most ``burst`` at one moment; then they come back evenly, ``per_hour`` an hour, up to ``burst``
    again. So in any span of so many hours there are at most ``burst + per_hour * hours``.

    All that has to be kept is one moment, ``tat`` (theoretical arrival time): when the burst is whole again.
    Each use moves it on by ``interval``. Times are Unix microseconds, since milliseconds would make rates
    uneven.
    """

    per_hour: int
    burst: int

    @property
    def interval(self) -> int:
        """From one that comes back to the next; rounded up, so that there are never too many."""
        return -(-HOUR_US // self.per_hour)

    def latest(self, count: int, now: int) -> int:
        """The latest ``tat`` beside which ``count`` are still there. Before ``now`` if they never are."""
        return now + (self.burst - count) * self.interval

    def free(self, tat: int, now: int) -> int:
        """How many are there."""
        used = -(-max(0, tat - now) // self.interval)
        return max(0, self.burst - used)

    def ahead(self, share: float) -> float:
        """How many a process may take ahead of their use that makes such a part of all uses (0 to 1)."""
        return (self.burst + self.per_hour / 60) * AHEAD * share

    def wait(self, tat: int, now: int) -> int:
        """Microseconds until there is one."""
        return max(0, tat - self.latest(1, now))


class Metered(StrEnum):
    """What is counted of a caller."""

    REQUESTS = "REQUESTS"
    CREATIONS = "CREATIONS"


@dataclass(frozen=True)
class KeyLimits:
    """The limits that a key has of its own; None is the deployment's. Zero an hour, or zero streams, stands
    for no limit."""

    requests_per_hour: int | None = None
    request_burst: int | None = None
    creations_per_hour: int | None = None
    creation_burst: int | None = None
    open_streams: int | None = None

    @classmethod
    def from_named(cls, values: Mapping[str, Any]) -> "KeyLimits":
        """From what ``to_named`` gives, whatever else there is, and also if its numbers are texts."""
        return cls(**{field: int(values[name]) for field, name in _NAMES.items() if name in values})

    def to_named(self) -> dict[str, int]:
        """By the names that the registry and the authorizer's context have for them; what is not set is left
        out."""
        values = {name: getattr(self, field) for field, name in _NAMES.items()}
        return {name: value for name, value in values.items() if value is not None}


_NAMES = {
    "requests_per_hour": "requestsPerHour",
    "request_burst": "requestBurst",
    "creations_per_hour": "creationsPerHour",
    "creation_burst": "creationBurst",
    "open_streams": "openStreams",
}
LIMIT_NAMES = tuple(_NAMES.values())


def rate_of(metered: Metered, own: KeyLimits, deployed: KeyLimits) -> Rate | None:
    """What holds for a key: its own limits before those of the deployment, of which none is missing. None
    stands for no limit."""
    match metered:
        case Metered.REQUESTS:
            per_hour = _first(own.requests_per_hour, deployed.requests_per_hour)
            burst = _first(own.request_burst, deployed.request_burst)
        case Metered.CREATIONS:
            per_hour = _first(own.creations_per_hour, deployed.creations_per_hour)
            burst = _first(own.creation_burst, deployed.creation_burst)
    return Rate(per_hour, max(1, burst)) if per_hour > 0 else None


def open_streams_of(own: KeyLimits, deployed: KeyLimits) -> int:
    """How many streams and waits a key may have open; zero stands for no limit."""
    return _first(own.open_streams, deployed.open_streams)


def _first(own: int | None, deployed: int | None) -> int:
    return own if own is not None else deployed or 0
