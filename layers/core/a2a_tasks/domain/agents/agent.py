"""The agent: who answers. A revision is immutable; tasks pin the one they were created with."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from a2a_tasks.domain import queue_time

MAX_GROUPS = 5
"""In WeCom that an agent, and also a task of its own, may name to be told."""


class Visibility(StrEnum):
    """Who may read an agent's card. Its tasks are always its project's alone."""

    PUBLIC = "public"  # everybody
    PRIVATE = "private"  # its project's keys; to others it does not exist


@dataclass(frozen=True)
class AgentRevision:
    """One revision of an agent's definition, as the functions use it. ``timeout_ms`` and ``queue_timeout_ms``
    are a task's defaults.

    ``max_pending_tasks`` bounds how many of its tasks nobody has begun yet; None does not.
    ``tool_options`` are by tool name, in the YAML's camelCase. ``max_cost_usd`` and ``max_task_tokens`` bound
    what one task may use in all its turns; ``max_tokens`` bounds one turn's answer. ``notify`` are the WeCom
    connections of groups that are told of its tasks' ends and questions. ``on_refusal`` are the models that
    the API asks where this one refuses, or ``default`` for those that it recommends; ``on_overload`` are the
    models that tasks go on with while this one is overloaded. Both are aliases or ids, in order.
    ``updated_at`` (Unix milliseconds) is when it was applied, or disabled since.
    ``artifact_hosts`` are the hosts that links saved as results may lead to; ``denied_after_untrusted`` are
    the tools that do not run any more once a task has read content from outside.
    """

    agent_id: str
    project_id: str
    revision: int
    name: str
    description: str
    system_prompt: str
    model: str
    max_turns: int
    max_tokens: int
    timeout_ms: int
    enabled: bool
    allowed_tools: tuple[str, ...] = ()
    skills: tuple[dict[str, Any], ...] = ()
    tool_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    output_schema: dict[str, Any] | None = None
    effort: str | None = None
    queue_timeout_ms: int = queue_time.DEFAULT
    max_attempts: int | None = None
    max_cost_usd: Decimal | None = None
    max_task_tokens: int | None = None
    max_concurrent_tasks: int | None = None
    max_pending_tasks: int | None = None
    visibility: Visibility = Visibility.PUBLIC
    notify: tuple[str, ...] = ()
    on_refusal: Literal["default"] | tuple[str, ...] | None = None
    on_overload: tuple[str, ...] = ()
    updated_at: int = 0
    artifact_hosts: tuple[str, ...] = ()
    denied_after_untrusted: frozenset[str] = frozenset()


def resolve_model(model: str, aliases: dict[str, str]) -> str:
    """The model id behind an alias such as ``sonnet``; anything else is taken as an id."""
    return aliases.get(model, model)
