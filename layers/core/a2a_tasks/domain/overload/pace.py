"""Rate limiting of calls to a model while it throttles: one pace for the whole deployment.

Normally there is none. Several throttled calls in a row (429, 529) set one: a minimum time between the
starts of two calls. A call throttled at that pace slows it down. The first call that succeeds lets it
recover: from then on it doubles by time alone, until it no longer limits anybody or calls are throttled
again.
"""

from dataclasses import dataclass, replace
from math import ceil, log2

IN_A_ROW = 5
"""Consecutive throttled calls of one process that set a pace. Single ones happen while all others succeed."""
FIRST_GAP_MS = 1_250
"""Time between calls at first: less than one call a second, as the model's capacity is unknown."""
LONGEST_GAP_MS = 10_000
"""Longest time between calls, and so how quickly a recovery is noticed."""
SHORTEST_GAP_MS = 5
"""A faster pace is no limit any more (200 calls a second)."""
DOUBLES_EVERY_MS = 8_000
"""While recovering. From the slowest pace it takes 90 s."""
LONGEST_HOLD_MS = 15 * 60_000
"""Upper limit of a ``retry-after`` that is honored."""
AHEAD_MS = 250
"""Calls of this period are taken with one write, at a fast pace."""


@dataclass(frozen=True)
class PaceKey:
    """Identifies a pace: a model called with one API key."""

    model: str
    key: str
    """Name of the key. It is stored, so it must not be the secret."""


@dataclass(frozen=True)
class Pace:
    """A pace as stored. Times are Unix milliseconds."""

    gap_ms: int
    """Time between two calls at ``set_at``."""
    set_at: int
    next_at: int
    """The next call may start."""
    taken_at: int | None = None
    """The first call that succeeded since ``set_at``."""
    is_overloaded: bool = False
    """The model is overloaded (529), rather than the account limited (429)."""
    urgent_until: int = 0
    """Until then tasks of high priority go first."""

    def gap_at(self, now: int) -> int:
        """Milliseconds between two calls at ``now``."""
        if self.taken_at is None or now <= self.taken_at:
            return self.gap_ms
        # a negative exponent: it underflows to zero for a long time, where a positive one would overflow
        return int(self.gap_ms * 2 ** ((self.taken_at - now) / DOUBLES_EVERY_MS))

    def is_over(self, now: int) -> bool:
        """Whether it no longer limits anybody."""
        return self.gap_at(now) < SHORTEST_GAP_MS

    @property
    def over_at(self) -> int | None:
        """When it will no longer limit anybody if all calls succeed (Unix milliseconds). None while it
        does not recover."""
        if self.taken_at is None:
            return None
        return self.taken_at + ceil(log2(self.gap_ms / SHORTEST_GAP_MS) * DOUBLES_EVERY_MS) + 1

    def count_at(self, now: int) -> int:
        """Calls that are taken with one write."""
        return max(1, AHEAD_MS // max(1, self.gap_at(now)))


def after_throttling(pace: Pace | None, now: int, retry_after: float | None, *, is_overloaded: bool) -> Pace:
    """The pace after calls that started under ``pace`` were throttled. ``retry_after`` is in seconds."""
    # bounded, because one wrong header would stop all calls of a model
    hold_ms = min(LONGEST_HOLD_MS, ceil((retry_after or 0) * 1000))
    # an expired pace says nothing about the model's current capacity
    if pace is None or pace.is_over(now):
        return Pace(FIRST_GAP_MS, now, now + max(hold_ms, FIRST_GAP_MS), is_overloaded=is_overloaded)
    gap_ms = min(LONGEST_GAP_MS, 2 * pace.gap_at(now))
    # never earlier than an earlier response has asked for
    next_at = max(pace.next_at, now + max(hold_ms, gap_ms))
    return Pace(gap_ms, now, next_at, None, is_overloaded, pace.urgent_until)


def after_success(pace: Pace, now: int) -> Pace:
    """The pace after a call that started under it succeeded."""
    # only the first success counts: from then on the pace recovers by time alone
    return pace if pace.taken_at is not None else replace(pace, taken_at=now)
