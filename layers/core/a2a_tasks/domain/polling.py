"""Polling intervals for callers that wait for a task."""

from math import sqrt

CLOSEST_SECONDS = 0.2
FARTHEST_SECONDS = 5.0
"""Also the longest silence of a stream, which sends a keep-alive after every poll."""
WHILE_TEXT_FLOWS_SECONDS = 1.0
"""Interval while text is generated; chunks are written every two seconds."""
TEXT_FLOWS_MS = 5_000
"""Further text is expected for this long after the last chunk."""


def seconds_to_next_poll(quiet_ms: int) -> float:
    """Seconds until the next poll, given the milliseconds since the task's last change.

    The interval grows with the square root of that time. A task without changes for long will probably have
    none for long, and a poll costs as much as 9 ms of waiting (half a read unit, 512 MB). The square root
    roughly minimizes the sum of both costs, polls and time waited too long, for tasks of any length.
    """
    return min(CLOSEST_SECONDS * sqrt(max(1.0, quiet_ms / 1000)), FARTHEST_SECONDS)
