"""Optional features of models by backend, and the request settings that enable them.

From Anthropic's documentation as of November 2026: "Thinking" (progress updates), "Preserved thinking"
(which models bind it) and "Refusals and fallback".
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from a2a_tasks.domain.agents.backend import Backend


class Ability(StrEnum):
    """A feature that only some models have."""

    UPDATES = "updates"  # what it says between tool calls is shown, which its thinking hides otherwise
    DROPS_THINKING = "drops-thinking"  # thinking that no longer fits is dropped, not refused
    FALLBACKS = "fallbacks"  # the API asks another model where this one refuses


UPDATES_BETA = "thinking-display-updates-2026-08-18"
BINDING_BETA = "thinking-binding-controls-2026-08-01"
FALLBACK_BETA = "server-side-fallback-2026-07-01"
DROPPED = {"prefix_mismatch_behavior": "drop_block"}
_U, _D, _F = Ability.UPDATES, Ability.DROPS_THINKING, Ability.FALLBACKS
_BY_MODEL = {
    "claude-fable-5": {_U, _F},
    "claude-fable-5-1": {_U, _D, _F},
    "claude-fable-5-2": {_U, _D, _F},
    "claude-mythos-5-1": {_U, _D},
    "claude-mythos-5-2": {_U, _D},
    "claude-opus-5": {_F},
    "claude-opus-5-5": {_U, _D, _F},
    "claude-sonnet-5-5": {_U, _D, _F},
    "claude-haiku-5-5": {_D, _F},
}
"""By prefix of the model id; the longest match counts."""
_BY_BACKEND = {
    Backend.CLAUDE_API: {_U, _D, _F},
    Backend.CLAUDE_ON_AWS: {_U, _D},  # no fallbacks in the newest documentation
    Backend.BEDROCK: set[Ability](),
}
"""On Bedrock AWS' own guide and Anthropic's name the fields of thinking differently, and a field that is not
known is refused, so that nothing is asked for there."""


def has(ability: Ability, model: str, backend: Backend) -> bool:
    """Whether the model (by its id at the backend) has the ability there."""
    return ability in _BY_BACKEND[backend] and ability in _of(model)


def is_there(ability: Ability, backend: Backend) -> bool:
    """Whether any model has the ability at the backend."""
    return ability in _BY_BACKEND[backend]


def _of(model: str) -> set[Ability]:
    name = model.removeprefix("anthropic.")
    known = [prefix for prefix in _BY_MODEL if name == prefix or name.startswith(f"{prefix}-")]
    # a model that is not listed gets nothing asked for: the API refuses fields that a model does not know
    return _BY_MODEL[max(known, key=len)] if known else set()


@dataclass(frozen=True)
class Thinking:
    """The ``thinking`` parameter of a request."""

    settings: dict[str, Any] | None = None
    """None: the model's default."""
    betas: list[str] = field(default_factory=list)
    """Beta headers that it needs."""


def thinking_of(model: str, backend: Backend) -> Thinking:
    """The settings that enable what the model supports there: progress updates, and dropping of thinking
    blocks that do not match."""
    settings: dict[str, Any] = {"type": "adaptive"}
    betas = []
    if has(Ability.UPDATES, model, backend):
        settings["display"] = "updates"
        betas.append(UPDATES_BETA)
    if has(Ability.DROPS_THINKING, model, backend):
        settings["block_binding"] = DROPPED
        betas.append(BINDING_BETA)
    return Thinking(settings, betas) if betas else Thinking()
