"""What a task may still spend, and what its turns cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from a2a_tasks.domain.agent import AgentRevision
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import Budget, Task
from a2a_tasks.domain.usage import MILLION, Price, Usage
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services.budgets import DailyBudgets

OVER_BUDGET = Failure(
    FailureCode.BUDGET_EXCEEDED, "The task has used up its budget (maxCostUsd or maxTokens)."
)
OVER_DAY = Failure(FailureCode.BUDGET_EXCEEDED, "The project's budget for today is used up.")


@dataclass(frozen=True)
class Allowance:
    """``prices`` are by model id, and those of a Message Batch with ``in_batch``. ``used`` is all that a task
    has used by now, which its record may not say yet."""

    budgets: DailyBudgets
    prices: Mapping[str, Price]
    telemetry: Telemetry
    in_batch: bool = False

    def refusal(self, task: Task, used: Usage) -> Failure | None:
        """Why no turn may be bought for the task, if so. Raises ``StoreUnavailable``."""
        settings = self.budgets.settings(task.project_id)
        limits_cost = task.budget.cost_usd is not None or settings.daily_cost_usd is not None
        if limits_cost and task.model not in self.prices:
            return Failure(
                FailureCode.AGENT_MISCONFIGURED,
                f"The price of {task.model} is not in the deployment's price table, so a cost limit cannot "
                "be kept.",
            )
        if task.budget.is_used_up(used):
            return OVER_BUDGET
        return OVER_DAY if self.budgets.is_used_up(task.project_id) else None

    def max_tokens(self, task: Task, agent: AgentRevision, used: Usage) -> int:
        """How long the next answer may be, so that it cannot go far beyond the task's budget."""
        left, per_million = left_of(task.budget, used), self._output_price(task.model)
        limits = [agent.max_tokens]
        if left.tokens is not None:
            limits.append(left.tokens)
        if left.cost_usd is not None and per_million:
            limits.append(int(left.cost_usd * MILLION / per_million))
        return max(1, min(limits))

    def charge(self, task: Task, usage: Usage) -> Usage:
        """What a turn has used with its price, which goes into the metrics."""
        if usage == Usage():
            return usage
        used = usage.priced(self.prices.get(task.model), in_batch=self.in_batch)
        self.telemetry.count(
            "InputTokens", used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        )
        self.telemetry.count("OutputTokens", used.output_tokens)
        if used.cost_usd is not None:
            self.telemetry.count("CostUsd", float(used.cost_usd))
        return used

    def _output_price(self, model: str) -> Decimal | None:
        """USD per million output tokens, if it is known."""
        price = self.prices.get(model)
        if price is None:
            return None
        return price.output * price.batch_factor if self.in_batch else price.output


def left_of(budget: Budget, used: Usage) -> Budget:
    """What of a budget can still be used."""
    cost, tokens = budget.cost_usd, budget.tokens
    return Budget(
        None if cost is None else max(cost - (used.cost_usd or 0), type(cost)(0)),
        None if tokens is None else max(tokens - used.tokens, 0),
    )
