"""Cost limits of tasks, and the cost of their turns."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.estimates import prompt_tokens, searches
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.pricing.prices import MILLION, Prices
from a2a_tasks.domain.task import Budget, Task
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.model import ModelRequest
from a2a_tasks.ports.telemetry import Telemetry

OVER_BUDGET = Failure(
    FailureCode.BUDGET_EXCEEDED, "The task has used up its budget (maxCostUsd or maxTokens)."
)
UNKNOWN_COST = Failure(
    FailureCode.AGENT_MISCONFIGURED,
    "The task has used a model whose price is not known to the deployment, so a cost limit cannot be kept. "
    "The operator can add it to the template's parameter ModelPrices, or lift the limit.",
)
OVER_DAY = Failure(FailureCode.BUDGET_EXCEEDED, "The project's budget for today is used up.")


@dataclass(frozen=True)
class CostLimits:
    """Applies budgets to turns. ``used`` is all that a task has used so far, which its stored record may
    not contain yet."""

    budgets: DailyBudgets
    prices: Prices
    telemetry: Telemetry
    in_batch: bool = False
    """Turns are bought in Message Batches."""

    def refusal(self, task: Task, used: Usage) -> Failure | None:
        """Why no turn may be bought for the task, or None. Raises ``StoreUnavailable``."""
        if not self.has_price(task, task.model):
            return Failure(
                FailureCode.AGENT_MISCONFIGURED,
                f"The price of {task.model} is not known to the deployment, so a cost limit cannot be kept. "
                "The operator can add it to the template's parameter ModelPrices, or lift the limit.",
            )
        # a fallback model without a price has answered, so the rest of the budget is unknown
        if self._limits_cost(task) and used.has_tokens and used.cost_usd is None:
            return UNKNOWN_COST
        if task.budget.is_used_up(used):
            return OVER_BUDGET
        return OVER_DAY if self.budgets.is_used_up(task.project_id) else None

    def has_price(self, task: Task, model: str) -> bool:
        """Whether the model's price is known, or the task has no cost limit that needs it. Raises
        ``StoreUnavailable``."""
        return model in self.prices.models or not self._limits_cost(task)

    def _limits_cost(self, task: Task) -> bool:
        settings = self.budgets.settings(task.project_id)
        return task.budget.cost_usd is not None or settings.daily_cost_usd is not None

    def max_tokens(self, task: Task, agent: AgentRevision, used: Usage) -> int:
        """Limit of output tokens for the next turn, so that it cannot far exceed the task's budget."""
        left, per_million = left_of(task.budget, used), self._dearest_output(task.model)
        limits = [agent.max_tokens]
        if left.tokens is not None:
            limits.append(left.tokens)
        if left.cost_usd is not None and per_million:
            limits.append(int(left.cost_usd * MILLION / per_million))
        return max(1, min(limits))

    def bounded(self, tools: list[dict[str, Any]], task: Task) -> list[dict[str, Any]]:
        """The tools with web search limited to what the task's budget pays for. Searches are billed
        individually, and a request cannot be stopped by its cost so far."""
        if task.budget.cost_usd is None:
            return tools
        most = max(1, int(task.budget.cost_usd / self.prices.web_search))
        return [
            tool | {"max_uses": min(most, tool.get("max_uses", most))}
            if tool.get("name") == "web_search" and "type" in tool
            else tool
            for tool in tools
        ]

    def is_limited(self, task: Task, counted: Usage | None) -> bool:
        """Whether a limit applies, so that the maximum cost of a turn must be reserved before it is
        bought."""
        return task.budget != Budget() or counted is not None

    def most(self, task: Task, request: ModelRequest) -> Usage:
        """Upper estimate of a turn, by the most expensive model that may answer. Does not include what
        server tools show the model within the turn."""
        fallbacks = request.prompt.fallbacks
        others = [other["model"] for other in fallbacks] if isinstance(fallbacks, list) else []
        if fallbacks == "default":  # the API chooses the model
            others = list(self.prices.models)
        call = ModelCall(cache_write_tokens=prompt_tokens(request), output_tokens=request.max_tokens)
        geo = max(self.prices.geo, key=lambda name: self.prices.geo[name], default=None)
        bills = [
            Bill((replace(call, model=model),), web_searches=searches(request), geo=geo)
            for model in (task.model, *others)
        ]
        used = [usage for bill in bills for usage in self._usage_of(bill, task)]
        return max(used, key=lambda usage: usage.cost_usd or 0)

    def cut_off(self, reported: Bill, request: ModelRequest) -> Bill:
        """Upper estimate of a turn that was interrupted after ``reported``: the length of the answer is
        reported only at its end."""
        *earlier, last = reported.calls
        # overestimated: these tokens are billed, but their number will never be reported
        last = replace(last, output_tokens=max(last.output_tokens, request.max_tokens))
        return replace(
            reported, calls=(*earlier, last), web_searches=max(reported.web_searches, searches(request))
        )

    def charge(self, task: Task, bill: Bill) -> dict[str, Usage]:
        """Usage and cost of a turn by model. Also counted in the metrics."""
        by_model = self.prices.usage_of(bill, task.model, in_batch=self.in_batch)
        if by_model:
            self._measure(sum(by_model.values(), Usage()))
        return by_model

    def _usage_of(self, bill: Bill, task: Task) -> Iterable[Usage]:
        return self.prices.usage_of(bill, task.model, in_batch=self.in_batch).values()

    def _measure(self, used: Usage) -> None:
        self.telemetry.count(
            "InputTokens", used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        )
        self.telemetry.count("OutputTokens", used.output_tokens)
        if used.cost_usd is not None:
            self.telemetry.count("CostUsd", float(used.cost_usd))

    def _dearest_output(self, model: str) -> Decimal | None:
        """USD per million output tokens for a long prompt, if the price is known."""
        price = self.prices.models.get(model)
        if price is None:
            return None
        return price.dearest_output * (price.batch if self.in_batch else 1)


def left_of(budget: Budget, used: Usage) -> Budget:
    """What is left of a budget."""
    cost, tokens = budget.cost_usd, budget.tokens
    return Budget(
        None if cost is None else max(cost - (used.cost_usd or 0), type(cost)(0)),
        None if tokens is None else max(tokens - used.tokens, 0),
    )
