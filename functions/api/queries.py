"""Query parameters that are lists or moments. Each function raises ``RequestRefused``, naming the field."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from a2a_tasks.domain.errors import invalid
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.tasks.usage import DayRange
from functions.api.models.fields import EXAMPLE_TIME, ISO_8601

ID_PART = re.compile(r"[0-9A-Fa-f-]{4,36}")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
USUAL_DAYS = 30
"""Of a report that is asked for without its first day."""


def listed(values: Sequence[str] | None) -> list[str]:
    """The values of a parameter that may be repeated, or be a list with commas."""
    return [part.strip() for value in values or () for part in value.split(",")]


def task_filter(
    status: Sequence[str] | None, created_after: str | None, created_before: str | None, id_part: str | None
) -> TaskFilter:
    """The filter that the parameters of a list stand for."""
    if id_part is not None and not ID_PART.fullmatch(id_part):
        raise invalid("id", "should be part of a task's id, of 4 or more characters: digits, a to f, and -")
    return TaskFilter(
        statuses=frozenset(map(_status, listed(status))),
        created_from=0 if created_after is None else _moment("createdAfter", created_after),
        created_before=None if created_before is None else _moment("createdBefore", created_before),
        id_part=(id_part or "").lower(),
    )


def _status(text: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise invalid("status", f"should be some of {', '.join(Status)}") from None


def _moment(field: str, text: str) -> int:
    """Unix milliseconds, not before 1970."""
    try:
        moment = datetime.fromisoformat(text) if ISO_8601.match(text) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(field, f"should be an ISO 8601 date and time with a time zone, such as {EXAMPLE_TIME}")
    return max(0, int(moment.timestamp() * 1000))


def days(first: str | None, last: str | None, now: int) -> DayRange:
    """The days of a report: thirty, and up to today (UTC), if left out. ``now`` is in Unix milliseconds."""
    end = datetime.fromtimestamp(now / 1000, UTC).date() if last is None else _day("to", last)
    try:
        return DayRange(end - timedelta(days=USUAL_DAYS - 1) if first is None else _day("from", first), end)
    except OverflowError:
        raise invalid("to", "is too early") from None


def _day(field: str, text: str) -> date:
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise invalid(field, "should be a day, such as 2026-05-01")
