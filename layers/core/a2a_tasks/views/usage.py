"""What a task has used."""

from typing import Any

from a2a_tasks.domain.task import Status
from a2a_tasks.domain.usage import Spent, Usage, by_attempt, by_model, total
from a2a_tasks.tasks.usage import UsageGrouping, UsageRow

NAMES = {UsageGrouping.AGENT: "agentId", UsageGrouping.MODEL: "model", UsageGrouping.KEY: "keyId"}
"""What a row's value is called."""


def usage_view(usage: Usage) -> dict[str, Any]:
    """``{"inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "turns", "webSearches"?,
    "costUsd"?}``."""
    view: dict[str, Any] = {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadTokens": usage.cache_read_tokens,
        "cacheWriteTokens": usage.cache_write_tokens,
        "turns": usage.turns,
    }
    if usage.web_searches:
        view["webSearches"] = usage.web_searches
    return view if usage.cost_usd is None else view | {"costUsd": float(usage.cost_usd)}


def spent_view(spent: tuple[Spent, ...]) -> dict[str, Any]:
    """The sum, and the same by model and by attempt."""
    return usage_view(total(spent)) | {
        "byModel": [{"model": model} | usage_view(usage) for model, usage in by_model(spent).items()],
        "byAttempt": [{"attempt": number} | usage_view(usage) for number, usage in by_attempt(spent).items()],
    }


def usage_row_view(by: UsageGrouping, row: UsageRow) -> dict[str, Any]:
    """``{"day", "agentId" | "model" | "keyId"?, "tasks", "completed", "failed", "canceled", "inputTokens", …,
    "costUsd", "unpricedTasks"?}``."""
    view: dict[str, Any] = {"day": row.day}
    view |= {} if row.value is None else {NAMES[by]: row.value}
    view |= {"tasks": sum(row.ended.values())}
    view |= {
        status.value: row.ended.get(status, 0)
        for status in (Status.COMPLETED, Status.FAILED, Status.CANCELED)
    }
    return view | usage_view(row.usage) | ({"unpricedTasks": row.unpriced} if row.unpriced else {})
