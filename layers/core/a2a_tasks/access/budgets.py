"""What a project may spend in a day: asked before work is taken, counted as it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.task import Budget
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.registry import ProjectReader
from a2a_tasks.ports.tasks import SpendStore

SETTINGS_KEPT_MS = 30_000
"""How long a process works with a project's settings as it has read them."""


def day_of(now: int) -> str:
    """The UTC day of a moment in Unix milliseconds, ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(now / 1000, UTC).date().isoformat()


def seconds_to_next_day(now: int) -> int:
    return 86_400 - now // 1000 % 86_400


@dataclass(frozen=True)
class DailyBudgets:
    """All methods raise ``StoreUnavailable``."""

    spending: SpendStore
    projects: ProjectReader
    clock: Clock
    _kept: dict[str, tuple[int, ProjectSettings]] = field(default_factory=dict)

    def settings(
        self, project_id: str, suffice: Callable[[ProjectSettings], bool] = lambda _: True
    ) -> ProjectSettings:
        """A project's settings, at most half a minute old; read anew where the kept ones do not suffice, so
        that nothing is refused which an operator has just allowed."""
        now = self.clock.now()
        read_at, settings = self._kept.get(project_id, (0, ProjectSettings(project_id)))
        if now - read_at >= SETTINGS_KEPT_MS or not suffice(settings):
            settings = self.projects.project(project_id) or ProjectSettings(project_id)
            self._kept[project_id] = (now, settings)
        return settings

    def is_used_up(self, project_id: str) -> bool:
        """The project has spent today what it may."""
        settings = self.settings(project_id)
        if not settings.has_budget:
            return False
        return Budget(settings.daily_cost_usd, settings.daily_tokens).is_used_up(self.spent(project_id))

    def spent(self, project_id: str) -> Usage:
        """What is counted of today."""
        return self.spending.spend(project_id, day_of(self.clock.now()))

    def count(self, project_id: str, usage: Usage, task_id: str) -> None:
        """Count what a task has used against the day."""
        self.spending.add_spend(project_id, day_of(self.clock.now()), usage, task_id)
