"""Messages of a task that SQS has given up: when the task is announced again, and when no longer."""

from dataclasses import dataclass

MOST_DEAD_LETTERS = 5
"""So many times in a row a task is announced again without being claimed; the next dead letter ends it."""
FIRST_DELAY_MS = 60_000
LONGEST_DELAY_MS = 15 * 60_000
COPIES_MS = 5 * 60_000
"""Dead letters that come so soon after a task was announced again are copies of the same trouble."""


@dataclass(frozen=True)
class Undelivered:
    """A task that was dead-lettered ``times`` times since it was last claimed, and announced again for
    ``resent_at`` (Unix milliseconds)."""

    times: int = 0
    resent_at: int = 0


def after_dead_letter(before: Undelivered | None, now: int) -> Undelivered | None:
    """What follows a dead letter of a task that nobody holds: None if it only repeats the last one, since the
    sweeper and SQS make copies, and all of them die of the same outage."""
    if before is not None and now < before.resent_at + COPIES_MS:
        return None
    times = before.times + 1 if before else 1
    return Undelivered(times, now + min(FIRST_DELAY_MS * 2 ** (times - 1), LONGEST_DELAY_MS))
