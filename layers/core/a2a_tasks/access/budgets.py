"""Daily budgets of projects: checked before work is accepted, counted as it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.task import Budget
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.registry import ProjectReader
from a2a_tasks.ports.tasks import SpendStore

SETTINGS_TTL_MS = 30_000
"""How long a process caches a project's settings."""


def day_of(now: int) -> str:
    """The UTC day of a moment in Unix milliseconds, ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(now / 1000, UTC).date().isoformat()


def seconds_to_next_day(now: int) -> int:
    """Seconds until the next UTC day."""
    return 86_400 - now // 1000 % 86_400


@dataclass(frozen=True)
class DailyBudgets:
    """Budgets and their usage. All methods raise ``StoreUnavailable``."""

    spending: SpendStore
    projects: ProjectReader
    clock: Clock
    _cached: dict[str, tuple[int, ProjectSettings]] = field(default_factory=dict)

    def settings(
        self, project_id: str, suffice: Callable[[ProjectSettings], bool] = lambda _: True
    ) -> ProjectSettings:
        """A project's settings, cached for up to half a minute. Read again if the cached ones do not
        ``suffice``, so that nothing is refused that an operator has just allowed."""
        now = self.clock.now()
        read_at, settings = self._cached.get(project_id, (0, ProjectSettings(project_id)))
        if now - read_at >= SETTINGS_TTL_MS or not suffice(settings):
            # a deleted project has no limits; its remaining tasks end by their own limits
            settings = self.projects.project(project_id) or ProjectSettings(project_id)
            self._cached[project_id] = (now, settings)
        return settings

    def is_used_up(self, project_id: str) -> bool:
        """Whether the project has used its budget of today."""
        settings = self.settings(project_id)
        if not settings.has_budget:
            return False
        # compares counted usage: turns in progress are not included yet, and may exceed the budget
        return Budget(settings.daily_cost_usd, settings.daily_tokens).is_used_up(self.spent(project_id))

    def spent(self, project_id: str) -> Usage:
        """What is counted for today."""
        return self.spending.spend(project_id, day_of(self.clock.now()))

    def count(self, project_id: str, usage: Usage, task_id: str) -> None:
        """Add a task's usage to the day."""
        self.spending.add_spend(project_id, day_of(self.clock.now()), usage, task_id)
