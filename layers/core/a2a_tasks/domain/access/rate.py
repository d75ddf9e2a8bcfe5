"""Rate limits by the generic cell rate algorithm (GCRA)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

HOUR_US = 3_600_000_000
AHEAD = 0.05
"""Share of a minute's allowance that all processes together may reserve in advance. This is also the error of
the limit: it may be exceeded by this share in the minute after a pause, or not reached while processes hold
unused tokens."""


@dataclass(frozen=True)
class Rate:
    """At most ``burst`` at once, refilled evenly at ``per_hour``. Over ``hours`` at most ``burst +
    per_hour * hours``.

    The whole state is one moment, ``tat`` (theoretical arrival time): when the bucket is full again. Each
    use moves it by ``interval``. Times are Unix microseconds, because milliseconds would round rates
    unevenly.
    """

    per_hour: int
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds per token, rounded up so that the limit is never exceeded."""
        return -(-HOUR_US // self.per_hour)

    def latest(self, count: int, now: int) -> int:
        """The latest ``tat`` at which ``count`` tokens are available. Before ``now`` if they never are."""
        return now + (self.burst - count) * self.interval

    def free(self, tat: int, now: int) -> int:
        """Tokens available."""
        # rounded up: a partly refilled token cannot be taken yet
        used = -(-max(0, tat - now) // self.interval)
        return max(0, self.burst - used)

    def ahead(self, share: float) -> float:
        """Tokens that a process with this share of all uses (0–1) may reserve in advance."""
        return (self.burst + self.per_hour / 60) * AHEAD * share

    def wait(self, tat: int, now: int) -> int:
        """Microseconds until a token is available."""
        return max(0, tat - self.latest(1, now))


class RateLimitKind(StrEnum):
    """What is limited per API key."""

    REQUESTS = "REQUESTS"
    CREATIONS = "CREATIONS"


@dataclass(frozen=True)
class KeyLimits:
    """A key's own limits. None: the deployment's limit applies. 0: unlimited."""

    requests_per_hour: int | None = None
    request_burst: int | None = None
    creations_per_hour: int | None = None
    creation_burst: int | None = None
    open_streams: int | None = None

    @classmethod
    def from_named(cls, values: Mapping[str, Any]) -> "KeyLimits":
        """Parse what ``to_named`` returned, ignoring other names; numbers may be strings."""
        return cls(**{field: int(values[name]) for field, name in _NAMES.items() if name in values})

    def to_named(self) -> dict[str, int]:
        """Limits by their names in the registry and in the authorizer's context, without unset ones."""
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


def rate_of(kind: RateLimitKind, own: KeyLimits, deployed: KeyLimits) -> Rate | None:
    """The rate that applies to a key: its own limit, or else the deployment's. None: unlimited."""
    match kind:
        case RateLimitKind.REQUESTS:
            per_hour = _first(own.requests_per_hour, deployed.requests_per_hour)
            burst = _first(own.request_burst, deployed.request_burst)
        case RateLimitKind.CREATIONS:
            per_hour = _first(own.creations_per_hour, deployed.creations_per_hour)
            burst = _first(own.creation_burst, deployed.creation_burst)
    return Rate(per_hour, max(1, burst)) if per_hour > 0 else None


def open_streams_of(own: KeyLimits, deployed: KeyLimits) -> int:
    """How many streams and long polls a key may have open; 0: unlimited."""
    return _first(own.open_streams, deployed.open_streams)


def _first(own: int | None, deployed: int | None) -> int:
    return own if own is not None else deployed or 0
