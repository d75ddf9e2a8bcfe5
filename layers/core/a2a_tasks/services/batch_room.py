"""What projects may still put into batches today: what is in open batches counts as the most it may be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from a2a_tasks.domain.task import Budget
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import Batch
from a2a_tasks.services.budgets import DailyBudgets


@dataclass
class BatchRoom:
    """For one batch in the making; ``taken`` is what its tasks may come to, by project. Only projects with a
    budget are kept account of."""

    budgets: DailyBudgets
    open: Sequence[Batch]
    taken: dict[str, Usage] = field(default_factory=dict)
    _spent: dict[str, Usage] = field(default_factory=dict)

    def is_used_up(self, project_id: str) -> bool:
        """Whether what the project has spent today and has in batches is as much as it may spend. Raises
        ``StoreUnavailable``."""
        reserved = [batch.reserved[project_id] for batch in self.open if project_id in batch.reserved]
        return self._reaches_limit(project_id, sum(reserved, self.taken.get(project_id, Usage())))

    def must_wait(self, project_id: str) -> bool:
        """Whether there is no room only because of what is in batches, and may come to less. Raises
        ``StoreUnavailable``."""
        return self.is_used_up(project_id) and not self._reaches_limit(project_id, Usage())

    def _reaches_limit(self, project_id: str, reserved: Usage) -> bool:
        settings = self.budgets.settings(project_id)
        if not settings.has_budget:
            return False
        if project_id not in self._spent:
            self._spent[project_id] = self.budgets.spent(project_id)
        used = self._spent[project_id] + reserved
        return Budget(settings.daily_cost_usd, settings.daily_tokens).is_used_up(used)

    def take(self, project_id: str, most: Usage) -> None:
        """A task that may come to so much. Raises ``StoreUnavailable``."""
        if self.budgets.settings(project_id).has_budget:
            self.taken[project_id] = self.taken.get(project_id, Usage()) + most
