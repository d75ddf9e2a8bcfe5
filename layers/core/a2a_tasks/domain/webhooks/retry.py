"""When a notification that was not taken is tried again, and when no longer."""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

BASE_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 3 * 3_600.0
MAX_ASKED_SECONDS = 6 * 3_600.0
"""The most that a receiver gets of what it asks for. With the chance added it is still well within the 12
hours for which SQS can hide a message."""
JITTER = 0.5
SHORTEST_SECONDS = 1
"""With less than this left of its span, a notification is given up."""

ACKNOWLEDGED = range(200, 300)
GONE = 410
"""The receiver wants no more notifications."""
BUSY = frozenset({429, 502, 503, 504})
"""Answers that may say when to come again."""


def next_try_seconds(tries: int, left_ms: int, asked_seconds: float | None, random: float) -> int | None:
    """Whole seconds until the next try after ``tries`` that failed (1, 2, …), or None to give up.

    ``left_ms`` is what is left of the notification's span. As long as anything is left there is a next try,
    the last one at the span's end. ``asked_seconds`` is what the receiver asked for; else it is 5 s doubling
    up to 3 h, plus up to half of it (``random`` in [0, 1)), so that receivers that come back to life are not
    met by everything at once.
    """
    left = left_ms // 1000
    if left < SHORTEST_SECONDS:
        return None
    backoff = min(MAX_BACKOFF_SECONDS, BASE_SECONDS * 2.0 ** min(tries - 1, 30))
    wait = max(min(asked_seconds or 0.0, MAX_ASKED_SECONDS), backoff)
    return min(math.ceil(wait + random * JITTER * backoff), left)


def asked_seconds(status: int, retry_after: str | None, now: int) -> float | None:
    """What a busy receiver asks for in ``Retry-After``, as seconds or as a date; None where it does not, or
    nobody could understand it. ``now`` is in Unix milliseconds."""
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
