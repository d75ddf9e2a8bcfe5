"""What a project may still put into batches today. Open batches count with their upper estimates."""

from dataclasses import dataclass, field

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.domain.task import Budget
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import BatchStore


@dataclass
class BatchBudget:
    """Budget left for one batch in the making."""

    daily: Budget
    """The project's daily budget."""
    spent: Usage = field(default_factory=Usage)
    """What the day counts."""
    reserved: Usage = field(default_factory=Usage)
    """Upper estimates of open batches."""
    taken: Usage = field(default_factory=Usage)
    """Upper estimate of the tasks in the making."""

    @classmethod
    def of(cls, project_id: str, budgets: DailyBudgets, batches: BatchStore) -> "BatchBudget":
        """Read a project's budget. Raises ``StoreUnavailable``."""
        settings = budgets.settings(project_id)
        if not settings.has_budget:
            return cls(Budget())
        # open batches are read first: a batch that ends in between counts twice rather than not at all
        reserved = sum((batch.reserved for batch in batches.open_of(project_id)), Usage())
        daily = Budget(settings.daily_cost_usd, settings.daily_tokens)
        return cls(daily, budgets.spent(project_id), reserved)

    @property
    def is_used_up(self) -> bool:
        """Whether spending and batches together reach the budget."""
        return self.daily.is_used_up(self.spent + self.reserved + self.taken)

    @property
    def must_wait(self) -> bool:
        """Whether only the estimates of open batches exceed the budget, and may turn out lower."""
        return self.is_used_up and not self.daily.is_used_up(self.spent)

    def take(self, most: Usage) -> None:
        """Add a task with this upper estimate."""
        self.taken += most
