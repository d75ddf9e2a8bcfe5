"""Dead letters: when a task whose message was dead-lettered is announced again, and when it fails."""

from dataclasses import dataclass

from a2a_tasks.domain.backoff import backoff

MOST_DEAD_LETTERS = 5
"""Announcements after dead letters without a claim in between; the next dead letter fails the task."""
FIRST_DELAY_MS = 60_000
LONGEST_DELAY_MS = 15 * 60_000
"""The longest delay of an SQS message. The announcements follow after 1, 2, 4, 8 and 15 minutes."""
COPIES_MS = 5 * 60_000
"""A dead letter within this time after the last announcement is a duplicate with the same cause."""


@dataclass(frozen=True)
class Undelivered:
    """Dead letters of a task since its last claim."""

    times: int = 0
    """How many."""
    resent_at: int = 0
    """When its message was, or will be, sent again (Unix milliseconds)."""


def after_dead_letter(before: Undelivered | None, now: int) -> Undelivered | None:
    """The state after a dead letter of a task that no worker holds. None for a duplicate: the sweeper and SQS
    make copies of messages, and all of them fail in the same outage."""
    # counted once, or the sweeper's copies of one message would use up all announcements in a single outage
    if before is not None and now < before.resent_at + COPIES_MS:
        return None
    times = before.times + 1 if before else 1
    return Undelivered(times, now + backoff(times - 1, FIRST_DELAY_MS, LONGEST_DELAY_MS))
