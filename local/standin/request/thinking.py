"""Thinking: which parts of it a reply shows, and whether a later request may send its blocks back.

Stricter than the API: every model here checks what precedes a block, and none accepts another's thinking.
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.errors import ApiError
from local.standin.models import family_of
from local.standin.request.features import Features, unexpected_tag
from local.standin.request.prefixes import Prefix
from local.standin.request.transcript import blocks_of

UPDATING_FAMILIES = (
    "opus-5-5",
    "sonnet-5-5",
    "fable-5",
    "fable-5-1",
    "fable-5-2",
    "mythos-5-1",
    "mythos-5-2",
)
"""Models that write progress updates between tool calls."""
_ACCOUNT_BOUND_FAMILIES = ("sonnet-5-5", "haiku-5-5")
_TYPES = ("adaptive", "between_tools", "disabled", "enabled")
_SETTINGS = {"type", "display", "budget_tokens", "block_binding"}


@dataclass(frozen=True, slots=True)
class ThinkingSettings:
    """A request's settings for thinking. `drops_mismatches`: blocks after a changed prefix are dropped."""

    display: str
    drops_mismatches: bool
    reports_drops: bool

    @classmethod
    def of(cls, body: dict[str, Any], features: Features) -> "ThinkingSettings":
        """From a request's body. Raises ApiError 400."""
        thinking, family = body.get("thinking") or {}, family_of(body["model"])
        if not isinstance(thinking, dict):
            raise ApiError.invalid("thinking: Input should be an object")
        if thinking:
            _check(thinking, body["model"], family, features)
        default = "omitted" if family in (*UPDATING_FAMILIES, "haiku-5-5") else "summarized"
        binding = thinking.get("block_binding") or {}
        return cls(
            display=thinking.get("display") or default,
            drops_mismatches=binding.get("prefix_mismatch_behavior") == "drop_block",
            reports_drops=features.binding_controls,
        )

    def shown(self, text: str, *, is_update: bool) -> str:
        """The text that a block shows of a thought, or of an update."""
        if self.display == "summarized" or (self.display == "updates" and is_update):
            return text
        return ""


def sign(prefix: Prefix, model: str, organization: str, thinking: str) -> str:
    """A signature that is valid only for this thinking, by this model, after exactly this prefix."""
    proof = hashlib.sha512(f"{prefix.binding}\n{thinking}".encode()).hexdigest()
    return base64.b64encode(f"{model}\n{organization}\n{proof}".encode()).decode()


def check_replayed(
    body: dict[str, Any], prefixes: tuple[Prefix, ...], organization: str, settings: ThinkingSettings
) -> tuple[dict[str, str], ...]:
    """The blocks that are not shown to the model, as `input_transformations` lists them. Raises ApiError 400
    for a block that was changed, or follows a changed prefix, unless the request has such blocks dropped."""
    dropped = []
    for index, position, block in _thinking_of(body["messages"]):
        path = f"messages.{index}.content.{position}"
        reason = _mismatch(block, prefixes[index], body["model"], organization, path)
        if reason == "prefix_binding_mismatch" and not settings.drops_mismatches:
            raise ApiError.invalid(
                f"{path}: Invalid `signature` in `thinking` block. The block is bound to a different "
                "conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "
                '"drop_block".'
            )
        if reason is not None:
            dropped.append({"type": "thinking_dropped", "path": path, "reason": reason})
    return tuple(dropped)


def _mismatch(block: dict[str, Any], prefix: Prefix, model: str, organization: str, path: str) -> str | None:
    try:
        producer, account, _ = base64.b64decode(block["signature"], validate=True).decode().split("\n")
    except (KeyError, TypeError, ValueError):
        raise ApiError.invalid(f"{path}: Invalid `signature` in `thinking` block") from None
    if family_of(producer) in _ACCOUNT_BOUND_FAMILIES and account != organization:
        return "organization_binding_mismatch"
    if producer != model:
        return "model_binding_mismatch"
    if block["signature"] != sign(prefix, producer, account, block.get("thinking", "")):
        return "prefix_binding_mismatch"
    return None


def _thinking_of(messages: list[dict[str, Any]]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for index, message in enumerate(messages):
        for position, block in enumerate(blocks_of(message)):
            if block["type"] == "thinking":
                yield index, position, block


def _check(thinking: dict[str, Any], model: str, family: str, features: Features) -> None:
    kind = thinking.get("type")
    if kind not in _TYPES:
        raise unexpected_tag("thinking", kind, _TYPES)
    if family == "opus-5-5" and kind in ("enabled", "disabled"):
        raise ApiError.invalid(f"thinking.type: '{kind}' is not supported on {model}")
    for name in thinking:
        if name not in _SETTINGS or (name == "block_binding" and not features.binding_controls):
            raise ApiError.invalid(f"thinking.{kind}.{name}: Extra inputs are not permitted")
    display = thinking.get("display")
    displays = ("summarized", "omitted", *(("updates",) if features.thinking_updates else ()))
    if display is not None and display not in displays:
        expected = " or ".join(f"'{name}'" for name in displays)
        raise ApiError.invalid(f"thinking.{kind}.display: Input should be {expected}")
    if display == "updates" and family not in UPDATING_FAMILIES:
        raise ApiError.invalid(f"thinking.{kind}.display: 'updates' is not supported on {model}")
    behavior = (thinking.get("block_binding") or {}).get("prefix_mismatch_behavior", "error")
    if behavior not in ("error", "drop_block"):
        raise ApiError.invalid(
            f"thinking.{kind}.block_binding.prefix_mismatch_behavior: Input should be 'error' or 'drop_block'"
        )
