"""What a task has used."""

from typing import Any

from a2a_tasks.domain.usage import Spent, Usage, by_attempt, by_model, total


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
