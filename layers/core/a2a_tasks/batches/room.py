"""What a project may still put into batches today: what is in open batches counts as the most it may be."""

from dataclasses import dataclass, field

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.domain.task import Budget
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import BatchStore


@dataclass
class BatchRoom:
    """For one batch in the making; ``taken`` is what its tasks may come to. ``budget`` is that of the day,
    ``spent`` what is counted of it, ``reserved`` what is in open batches."""

    budget: Budget
    spent: Usage = field(default_factory=Usage)
    reserved: Usage = field(default_factory=Usage)
    taken: Usage = field(default_factory=Usage)

    @classmethod
    def of(cls, project_id: str, budgets: DailyBudgets, batches: BatchStore) -> "BatchRoom":
        """Raises ``StoreUnavailable``."""
        settings = budgets.settings(project_id)
        if not settings.has_budget:
            return cls(Budget())
        reserved = sum((batch.reserved for batch in batches.open_of(project_id)), Usage())
        budget = Budget(settings.daily_cost_usd, settings.daily_tokens)
        return cls(budget, budgets.spent(project_id), reserved)

    @property
    def is_used_up(self) -> bool:
        """Whether what the project has spent today and has in batches is as much as it may spend."""
        return self.budget.is_used_up(self.spent + self.reserved + self.taken)

    @property
    def must_wait(self) -> bool:
        """Whether there is no room only because of what is in batches, and may come to less."""
        return self.is_used_up and not self.budget.is_used_up(self.spent)

    def take(self, most: Usage) -> None:
        """A task that may come to so much."""
        self.taken += most
