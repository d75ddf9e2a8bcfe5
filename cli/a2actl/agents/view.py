"""Agents in the output for operators."""

from decimal import Decimal
from typing import Any

from a2a_tasks.domain.agents.agent import AgentRevision, Visibility
from a2actl.terminal.amount import format_usd


def to_json(agent: AgentRevision) -> dict[str, Any]:
    """The definition as in YAML, with ``projectId`` and ``revision``; what is not set is left out."""
    budget = {"maxCostUsd": _number(agent.max_cost_usd), "maxTokens": agent.max_task_tokens}
    denied = sorted(agent.denied_after_untrusted)
    optional = {
        "effort": agent.effort,
        "maxAttempts": agent.max_attempts,
        "maxPendingTasks": agent.max_pending_tasks,
        "visibility": Visibility.PRIVATE.value if agent.visibility is Visibility.PRIVATE else None,
        "taskBudget": {name: value for name, value in budget.items() if value is not None},
        "toolOptions": agent.tool_options,
        "outputSchema": agent.output_schema,
        "notify": list(agent.notify),
        "fallbacks": _fallbacks(agent),
        "artifactHosts": list(agent.artifact_hosts),
        "afterUntrusted": {"deny": denied} if denied else None,
    }
    return {
        "id": agent.agent_id,
        "projectId": agent.project_id,
        "revision": agent.revision,
        "enabled": agent.enabled,
        "name": agent.name,
        "description": agent.description,
        "systemPrompt": agent.system_prompt,
        "model": agent.model,
        "maxTurns": agent.max_turns,
        "maxTokens": agent.max_tokens,
        "timeoutMs": agent.timeout_ms,
        "queueTimeoutMs": agent.queue_timeout_ms,
        "maxConcurrentTasks": agent.max_concurrent_tasks,
        "allowedTools": list(agent.allowed_tools),
        "skills": list(agent.skills),
    } | {name: value for name, value in optional.items() if value}


def fields(agent: AgentRevision) -> list[tuple[str, str]]:
    """The fields of an agent in display order, without its system prompt and output schema."""
    effort = f", effort {agent.effort}" if agent.effort else ""
    attempts = "as deployed" if agent.max_attempts is None else str(agent.max_attempts)
    return [
        ("Agent", agent.agent_id),
        ("Project", agent.project_id),
        ("Name", agent.name),
        ("Card", f"{agent.visibility} (A2A)"),
        ("Description", agent.description or "–"),
        ("State", state(agent)),
        ("Revision", str(agent.revision)),
        ("Model", f"{agent.model}{effort}"),
        *((f"On {name}", text) for name, text in _stand_ins(agent)),
        ("Limits", f"{agent.max_turns} turns, {agent.max_tokens} tokens per turn"),
        ("Task budget", _budget(agent)),
        ("Timeout", f"{agent.timeout_ms} ms"),
        ("Queue time", f"{agent.queue_timeout_ms} ms"),
        ("Attempts", attempts),
        ("Concurrent", _at_most(agent.max_concurrent_tasks)),
        ("Pending", _at_most(agent.max_pending_tasks)),
        ("Tools", ", ".join(agent.allowed_tools) or "–"),
        *((tool, _options(options)) for tool, options in agent.tool_options.items()),
        ("Untrusted", _after_untrusted(agent)),
        ("Link hosts", ", ".join(agent.artifact_hosts) or "–"),
        ("Skills", ", ".join(skill["name"] for skill in agent.skills) or "–"),
    ]


def state(agent: AgentRevision) -> str:
    return "enabled" if agent.enabled else "disabled"


def _fallbacks(agent: AgentRevision) -> dict[str, Any]:
    refusal = list(agent.on_refusal) if isinstance(agent.on_refusal, tuple) else agent.on_refusal
    models = {"onRefusal": refusal, "onOverload": list(agent.on_overload)}
    return {name: value for name, value in models.items() if value}


def _stand_ins(agent: AgentRevision) -> list[tuple[str, str]]:
    refusal = agent.on_refusal or ()
    by_api = "the model recommended by Anthropic" if refusal == "default" else ", ".join(refusal)
    models = [("refusal", by_api), ("overload", ", ".join(agent.on_overload))]
    return [(name, text) for name, text in models if text]


def _after_untrusted(agent: AgentRevision) -> str:
    denied = ", ".join(sorted(agent.denied_after_untrusted))
    return f"{f'no {denied}' if denied else 'any tool'} after content from outside"


def _at_most(tasks: int | None) -> str:
    return "any number" if tasks is None else f"{tasks:,} tasks"


def _budget(agent: AgentRevision) -> str:
    bounds = []
    if agent.max_cost_usd is not None:
        bounds.append(format_usd(agent.max_cost_usd))
    if agent.max_task_tokens is not None:
        bounds.append(f"{agent.max_task_tokens:,} tokens")
    return ", ".join(bounds) or "–"


def _options(options: dict[str, Any]) -> str:
    """Such as ``allowedDomains example.com, example.org; maxUses 3``."""
    texts = {
        name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in options.items()
    }
    return "; ".join(f"{name} {text}" for name, text in texts.items())


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
