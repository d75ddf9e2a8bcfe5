"""Sums over what tasks have used."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from a2a_tasks.domain.task import Status
from a2a_tasks.domain.usage import Usage
from a2a_tasks.tasks.usage import UsageGrouping, UsageRow
from a2a_tasks.views.usage import usage_view

ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELED)
UNKNOWN = "unknown"
"""Whose key is not known: tasks of earlier releases."""


class Grouping(StrEnum):
    """What to group by."""

    PROJECT = "project"
    AGENT = "agent"
    MODEL = "model"
    KEY = "key"
    DAY = "day"

    @property
    def by(self) -> UsageGrouping:
        """What a project's report must be asked for."""
        return UsageGrouping.DAY if self is Grouping.PROJECT else UsageGrouping(self.value)


@dataclass
class Sum:
    """Of tasks that have ended, by what they have in common. ``unpriced`` are those of unknown cost."""

    value: str
    ended: dict[Status, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=lambda: Usage(cost_usd=Decimal(0)))
    unpriced: int = 0

    @property
    def tasks(self) -> int:
        return sum(self.ended.values())

    def add(self, row: UsageRow) -> None:
        for status, count in row.ended.items():
            self.ended[status] = self.ended.get(status, 0) + count
        self.usage += row.usage
        self.unpriced += row.unpriced

    def to_json(self, grouping: Grouping) -> dict[str, Any]:
        """The value under its grouping's name, then numbers as the API names them."""
        shown: dict[str, Any] = {grouping.value: self.value, "tasks": self.tasks}
        shown |= {status.value: self.ended.get(status, 0) for status in ENDS}
        return shown | usage_view(self.usage) | {"unpricedTasks": self.unpriced}


def summed(grouping: Grouping, rows: Iterable[tuple[str, UsageRow]]) -> list[Sum]:
    """Rows of projects, each with its project's id, added up: dearest first, days in their order."""
    sums: dict[str, Sum] = {}
    for project_id, row in rows:
        value = _value(grouping, project_id, row)
        sums.setdefault(value, Sum(value)).add(row)
    if grouping is Grouping.DAY:
        return [sums[day] for day in sorted(sums)]
    return sorted(sums.values(), key=lambda each: (-(each.usage.cost_usd or 0), -each.tasks, each.value))


def to_csv(grouping: Grouping, sums: Sequence[Sum]) -> str:
    """With a line of names first; a row of what is not there has that line alone."""
    names = list(Sum("").to_json(grouping))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(each.to_json(grouping) for each in sums)
    return text.getvalue()


def table(sums: Sequence[Sum]) -> Iterator[tuple[str, ...]]:
    """A row each, and one for all if there are several."""
    for each in [*sums, *([_total(sums)] if len(sums) > 1 else [])]:
        used = each.usage
        tokens_in = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        cost = f"${used.cost_usd or 0:,.2f}" + ("+" if each.unpriced else "")
        ended = (f"{each.ended.get(status, 0):,}" for status in ENDS)
        yield (each.value, f"{each.tasks:,}", *ended, f"{tokens_in:,}", f"{used.output_tokens:,}", cost)


def _total(sums: Sequence[Sum]) -> Sum:
    total = Sum("all")
    for each in sums:
        total.add(UsageRow("", None, dict(each.ended), each.usage, each.unpriced))
    return total


def _value(grouping: Grouping, project_id: str, row: UsageRow) -> str:
    match grouping:
        case Grouping.PROJECT:
            return project_id
        case Grouping.DAY:
            return row.day
        case _:
            return row.value or UNKNOWN
