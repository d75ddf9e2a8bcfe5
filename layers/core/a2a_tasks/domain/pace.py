"""How fast a model may be called while it turns calls away: one pace for the whole deployment.

At first there is none. Calls that are turned away in a row (429, 529) set it: so long from the start of one
to the start of the next. What is turned away at that pace makes it slower. The first call that is taken lets
it grow, doubling by time alone until it limits nobody any more, or until others are turned away.
"""

from dataclasses import dataclass, replace
from math import ceil, log2

IN_A_ROW = 5
"""So many calls of one process, one after the other, are no accident: a single call is turned away now and
then while all the others are taken."""
FIRST_GAP_MS = 1_250
"""Less than one call a second, while nobody knows what the model would take."""
LONGEST_GAP_MS = 10_000
"""So soon it is noticed that the model takes calls again."""
SHORTEST_GAP_MS = 5
"""A pace that is faster limits nobody: 200 calls a second."""
DOUBLES_EVERY_MS = 8_000
"""From the slowest pace on it is over in 90 s."""
LONGEST_HOLD_MS = 15 * 60_000
"""The most of a ``retry-after`` that is believed."""
AHEAD_MS = 250
"""So much of a fast pace is taken with one write."""


@dataclass(frozen=True)
class Way:
    """What has a pace of its own: a model, called with one key. Names are stored, so ``key`` is no secret."""

    model: str
    key: str


@dataclass(frozen=True)
class Pace:
    """The pace of a way as stored. Times are Unix milliseconds.

    ``gap_ms`` was the time between two calls at ``set_at``, and ``next_at`` is when the next may start.
    ``taken_at`` is when a call was first taken since. ``is_overloaded``: the model has too much to do (529),
    not the account (429). Until ``urgent_until`` tasks of high priority go first.
    """

    gap_ms: int
    set_at: int
    next_at: int
    taken_at: int | None = None
    is_overloaded: bool = False
    urgent_until: int = 0

    def gap_at(self, now: int) -> int:
        """The time between two calls by now."""
        if self.taken_at is None or now <= self.taken_at:
            return self.gap_ms
        return int(self.gap_ms / 2 ** ((now - self.taken_at) / DOUBLES_EVERY_MS))

    def is_over(self, now: int) -> bool:
        """It limits nobody any more."""
        return self.gap_at(now) < SHORTEST_GAP_MS

    @property
    def over_at(self) -> int | None:
        """When that will be, if nothing comes between."""
        if self.taken_at is None:
            return None
        return self.taken_at + ceil(log2(self.gap_ms / SHORTEST_GAP_MS) * DOUBLES_EVERY_MS) + 1

    def count_at(self, now: int) -> int:
        """How many calls are taken with one write."""
        return max(1, AHEAD_MS // max(1, self.gap_at(now)))


def slowed(pace: Pace | None, now: int, retry_after: float | None, *, is_overloaded: bool) -> Pace:
    """The pace after calls were turned away that had begun under ``pace``."""
    hold_ms = min(LONGEST_HOLD_MS, ceil((retry_after or 0) * 1000))
    if pace is None or pace.is_over(now):
        return Pace(FIRST_GAP_MS, now, now + max(hold_ms, FIRST_GAP_MS), is_overloaded=is_overloaded)
    gap_ms = min(LONGEST_GAP_MS, 2 * pace.gap_at(now))
    next_at = max(pace.next_at, now + max(hold_ms, gap_ms))
    return Pace(gap_ms, now, next_at, None, is_overloaded, pace.urgent_until)


def grown(pace: Pace, now: int) -> Pace:
    """The pace after a call was taken that had begun under it."""
    return pace if pace.taken_at is not None else replace(pace, taken_at=now)
