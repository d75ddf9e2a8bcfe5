"""The agent: who answers. A revision is immutable; tasks pin the one they were created with."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AgentRevision:
    """One revision of an agent's definition, as the functions use it. ``timeout_ms`` is a task's default."""

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
    max_concurrent_tasks: int
    enabled: bool
    allowed_tools: tuple[str, ...] = ()
    skills: tuple[dict[str, Any], ...] = ()


def resolve_model(model: str, aliases: dict[str, str]) -> str:
    """The model id behind an alias such as ``sonnet``; anything else is taken as an id."""
    return aliases.get(model, model)
