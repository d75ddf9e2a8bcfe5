"""Retries of webhook deliveries."""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from a2a_tasks.domain.backoff import backoff

BASE_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 3 * 3_600.0
MAX_ASKED_SECONDS = 6 * 3_600.0
"""Upper limit of ``Retry-After`` that is honored. With jitter it stays below the 12 hours for which SQS
can keep a message invisible."""
JITTER = 0.5
SHORTEST_SECONDS = 1
"""With less time left in the retry window, a notification is given up."""

ACKNOWLEDGED = range(200, 300)
GONE = 410
"""The receiver wants no more notifications."""
BUSY = frozenset({429, 502, 503, 504})
"""Statuses whose ``Retry-After`` is honored."""


def next_try_seconds(tries: int, left_ms: int, asked_seconds: float | None, random: float) -> int | None:
    """Whole seconds until the next attempt, or None to give up.

    Exponential backoff from 5 s to 3 h with jitter of up to half of it. The last attempt is at the end of
    the retry window.

    Args:
        tries: Failed attempts so far (from 1).
        left_ms: Milliseconds left in the retry window.
        asked_seconds: What the receiver asked for, if it did.
        random: In [0, 1), for jitter.
    """
    left = left_ms // 1000
    # limited by time, not by attempts: an operator's redrive starts a new retry window
    if left < SHORTEST_SECONDS:
        return None
    grown = backoff(tries - 1, BASE_SECONDS, MAX_BACKOFF_SECONDS)
    wait = max(min(asked_seconds or 0.0, MAX_ASKED_SECONDS), grown)
    # capped at the window, so that the last attempt is at its end
    return min(math.ceil(wait + random * JITTER * grown), left)


def asked_seconds(status: int, retry_after: str | None, now: int) -> float | None:
    """Seconds that a busy receiver asked for in ``Retry-After``, given as seconds or as a date. None if
    absent or malformed. ``now`` is in Unix milliseconds."""
    if status not in BUSY or retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:12]), MAX_ASKED_SECONDS))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:  # a date in GMT that says so by "-0000"
        moment = moment.replace(tzinfo=UTC)
    try:
        return min(max(0.0, moment.timestamp() - now / 1000), MAX_ASKED_SECONDS)
    except (ValueError, OverflowError):
        return None
