"""What a project's ended tasks have used, by day and by agent, model or key.

There are no counters: an ended task's entry in the index of lists has its bill, and a report adds them up. So
nothing is counted twice or left out, and a task costs no write for it. A report reads its entries in pages,
agent by agent; the rows of a page are sums over that page.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.errors import RequestRefused, invalid
from a2a_tasks.domain.ids import IdRange, created_ms, oldest_task_id, preceding
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.usage import Usage, total_of
from a2a_tasks.ports.registry import ProjectAgents
from a2a_tasks.ports.tasks import InvalidCursor, TaskStore, TaskSummary
from a2a_tasks.tasks.project_tasks import agents_of_project

LOOKED_AT = 10_000
"""Tasks that are read at most for one page."""
AGENTS_READ = 100
"""Agents that are read at most for one page: even one without tasks costs four reads."""
MAX_DAYS = 366
"""A whole year, leap years too."""


class UsageGrouping(StrEnum):
    """What a report is grouped by, besides the day."""

    DAY = "day"
    AGENT = "agent"
    MODEL = "model"
    KEY = "key"


@dataclass(frozen=True)
class DayRange:
    """From the first day to the last (UTC), both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Raises ``RequestRefused``, naming the field."""
        if self.first > self.last:
            raise invalid("from", f"is after to ({self.last})")
        if (self.last - self.first).days >= MAX_DAYS:
            raise invalid("from", f"is more than {MAX_DAYS} days before to ({self.last}); ask for fewer")

    @property
    def ids(self) -> IdRange:
        """The ids of the tasks created on these days."""
        after = min(self.last, date.max - timedelta(days=1)) + timedelta(days=1)
        return IdRange(oldest_task_id(_midnight(self.first)), preceding(oldest_task_id(_midnight(after))))


def _midnight(day: date) -> int:
    """Unix milliseconds, not before 1970."""
    return max(0, int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000)


@dataclass
class UsageRow:
    """A sum over tasks that were created on one day (UTC)."""

    day: str
    value: str | None = None
    """The agent, model or key. None by day, and for a key that is not known."""
    ended: dict[Status, int] = field(default_factory=dict)
    """Tasks by their final status."""
    usage: Usage = field(default_factory=lambda: Usage(cost_usd=Decimal(0)))
    """The cost is that of the priced ones."""
    unpriced: int = 0
    """Tasks whose cost is not known."""

    def add(self, status: Status, used: Usage) -> None:
        """Count a task."""
        is_priced = used.cost_usd is not None or not used.has_tokens
        self.ended[status] = self.ended.get(status, 0) + 1
        self.unpriced += not is_priced
        self.usage += replace(used, cost_usd=used.cost_usd or Decimal(0))


@dataclass(frozen=True)
class UsagePage:
    """Part of a report. Rows of the same day and value on several pages add up."""

    rows: list[UsageRow]
    """By day and value."""
    token: str | None
    """Continues the report. None on the last page."""


@dataclass(frozen=True)
class UsageReports:
    """Reports what projects have used. Raises ``RequestRefused`` and ``StoreUnavailable``."""

    store: TaskStore
    registry: ProjectAgents

    def page(
        self,
        project_id: str,
        by: UsageGrouping,
        days: DayRange,
        agents: Collection[str] = (),
        token: str | None = None,
    ) -> UsagePage:
        """A page of the report on a project, or on those of its agents that are named. A task counts on the
        day on which it was created, once it has ended. By model, one that used several counts for each, and
        one that used none is left out."""
        agent_ids = agents_of_project(self.registry, project_id, agents)
        begin, position = ("", None) if token is None else _parsed(token, agent_ids)
        rows: dict[tuple[str, str | None], UsageRow] = {}
        left = LOOKED_AT
        for number, agent_id in enumerate(known for known in agent_ids if known >= begin):
            if left <= 0 or number >= AGENTS_READ:
                return UsagePage(_sorted(rows), f"{agent_id}/")
            try:
                found = self.store.ended(agent_id, days.ids, position, left)
            except InvalidCursor:
                raise _wrong_token() from None
            for task in found.tasks:
                for value, used in _parts(by, task):
                    day = day_of(created_ms(task.ref.task_id))
                    rows.setdefault((day, value), UsageRow(day, value)).add(task.status, used)
            if found.position is not None:
                return UsagePage(_sorted(rows), f"{agent_id}/{found.position}")
            left, position = left - found.looked_at, None
        return UsagePage(_sorted(rows), None)


def _parts(by: UsageGrouping, task: TaskSummary) -> Iterator[tuple[str | None, Usage]]:
    """The rows that a task counts in, and what for."""
    match by:
        case UsageGrouping.MODEL:
            yield from task.used.items()
        case UsageGrouping.DAY:
            yield None, total_of(task.used)
        case UsageGrouping.AGENT:
            yield task.ref.agent_id, total_of(task.used)
        case UsageGrouping.KEY:
            yield task.key_id, total_of(task.used)


def _sorted(rows: dict[tuple[str, str | None], UsageRow]) -> list[UsageRow]:
    return sorted(rows.values(), key=lambda row: (row.day, row.value or ""))


def _parsed(token: str, agent_ids: Collection[str]) -> tuple[str, str | None]:
    agent_id, _, position = token.partition("/")
    if agent_id not in agent_ids:
        raise _wrong_token()
    return agent_id, position or None


def _wrong_token() -> RequestRefused:
    return invalid("pageToken", "is not one that this report returned; leave it out to begin")
