"""Optional features of models by backend, and the request settings that enable them.

From Anthropic's documentation as of November 2026: "Thinking" (progress updates), "Preserved thinking"
(which models bind it) and "Refusals and fallback".
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from a2a_tasks.domain.agents.backend import Backend


class ModelCapability(StrEnum):
    """A feature that only some models have."""

    UPDATES = "updates"  # text between tool calls is returned, which thinking would hide otherwise
    # the service drops thinking blocks that no longer match, instead of rejecting the request
    DROPS_THINKING = "drops-thinking"
    FALLBACKS = "fallbacks"  # the API retries with another model if this one refuses


UPDATES_BETA = "thinking-display-updates-2026-08-18"
BINDING_BETA = "thinking-binding-controls-2026-08-01"
FALLBACK_BETA = "server-side-fallback-2026-07-01"
DROPPED = {"prefix_mismatch_behavior": "drop_block"}
_U, _D, _F = ModelCapability.UPDATES, ModelCapability.DROPS_THINKING, ModelCapability.FALLBACKS
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
    Backend.BEDROCK: set[ModelCapability](),
}
"""Nothing is enabled on Bedrock: AWS's guide and Anthropic's name the fields of thinking differently, and
unknown fields are rejected."""


def has(capability: ModelCapability, model: str, backend: Backend) -> bool:
    """Whether the model (by its id at the backend) has the capability there."""
    return capability in _BY_BACKEND[backend] and capability in _of(model)


def is_there(capability: ModelCapability, backend: Backend) -> bool:
    """Whether any model has the capability at the backend."""
    return capability in _BY_BACKEND[backend]


def _of(model: str) -> set[ModelCapability]:
    name = model.removeprefix("anthropic.")
    known = [prefix for prefix in _BY_MODEL if name == prefix or name.startswith(f"{prefix}-")]
    # no features for an unlisted model: the API rejects fields that a model does not support
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
    if has(ModelCapability.UPDATES, model, backend):
        settings["display"] = "updates"
        betas.append(UPDATES_BETA)
    if has(ModelCapability.DROPS_THINKING, model, backend):
        settings["block_binding"] = DROPPED
        betas.append(BINDING_BETA)
    return Thinking(settings, betas) if betas else Thinking()
