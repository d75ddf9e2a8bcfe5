"""How often somebody who waits for a task looks at it."""

from math import sqrt

CLOSEST_SECONDS = 0.2
FARTHEST_SECONDS = 5.0
"""Also the longest silence of a stream: a sign of life is sent after every look."""
WHILE_TEXT_FLOWS_SECONDS = 1.0
"""Text is written every two seconds."""
TEXT_FLOWS_MS = 5_000
"""So long after its last piece more is expected."""


def seconds_to_next_poll(quiet_ms: int) -> float:
    """The pause after a look, by the time in which nothing has happened to the task.

    It grows with the root of that time. What has been quiet for long will probably be so for long, and a
    look costs as much as 9 ms of waiting (half a read unit, 512 MB): with that the sum of what looks cost,
    and what is waited for in vain until the next one, is about the least there is, for tasks of any length.
    """
    return min(CLOSEST_SECONDS * sqrt(max(1.0, quiet_ms / 1000)), FARTHEST_SECONDS)
