"""The agent. Its revisions are immutable; a task keeps the one that it was created with."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from a2a_tasks.domain import queue_time

MAX_GROUPS = 5
"""WeCom groups that an agent, and additionally a task, may notify."""


class Visibility(StrEnum):
    """Who may read an agent's card. Tasks are always restricted to their project."""

    PUBLIC = "public"  # everybody
    PRIVATE = "private"  # its project's keys; for others it does not exist


@dataclass(frozen=True)
class AgentRevision:
    """One revision of an agent's definition. ``None`` and empty mean: not set."""

    agent_id: str
    project_id: str
    revision: int
    """Rises by one with every change that is applied."""
    name: str
    description: str
    system_prompt: str
    model: str
    """Alias or model id."""
    max_turns: int
    """Limit of turns per task."""
    max_tokens: int
    """Limit of output tokens per turn."""
    timeout_ms: int
    """Default run time of its tasks (milliseconds)."""
    enabled: bool
    allowed_tools: tuple[str, ...] = ()
    skills: tuple[dict[str, Any], ...] = ()
    tool_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By tool name, with keys in camelCase as in YAML."""
    output_schema: dict[str, Any] | None = None
    """JSON Schema of its answers, for structured output."""
    effort: str | None = None
    queue_timeout_ms: int = queue_time.DEFAULT
    """Default of the time that its tasks may wait for a start (milliseconds)."""
    max_attempts: int | None = None
    max_cost_usd: Decimal | None = None
    """Limit of a task's cost in all its turns."""
    max_task_tokens: int | None = None
    """Limit of a task's tokens in all its turns."""
    max_concurrent_tasks: int | None = None
    """Tasks that may run at a time."""
    max_pending_tasks: int | None = None
    """Tasks that may wait without having begun."""
    visibility: Visibility = Visibility.PUBLIC
    notify: tuple[str, ...] = ()
    """WeCom group connections that receive the ends and questions of its tasks."""
    on_refusal: Literal["default"] | tuple[str, ...] | None = None
    """Models (aliases or ids, in order) that the API tries if this one refuses; ``default``: the API's own
    choice."""
    on_overload: tuple[str, ...] = ()
    """Models (aliases or ids, in order) that its tasks fall back to while this one is overloaded."""
    updated_at: int = 0
    """When it was applied, or disabled since (Unix milliseconds)."""
    artifact_hosts: tuple[str, ...] = ()
    """Hosts that links saved as results may point to."""
    denied_after_untrusted: frozenset[str] = frozenset()
    """Tools that are disabled once a task has read content from outside."""


def resolve_model(model: str, aliases: dict[str, str]) -> str:
    """The model id of an alias such as ``sonnet``; anything else is returned unchanged."""
    return aliases.get(model, model)
