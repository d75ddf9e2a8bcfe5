"""Server-side fallback: which model answers if one declines, and which blocks of such a turn are withdrawn.

https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback
"""

from collections.abc import Sequence
from typing import Any

from local.standin.backend import Backend
from local.standin.errors import ApiError
from local.standin.models import family_of
from local.standin.request.features import Features

DEFAULT_MODEL = "claude-opus-4-8"
"""The model that the API recommends here, whatever the refusal."""
_DECLINING_FAMILIES = ("fable-5", "fable-5-1", "fable-5-2", "opus-5", "opus-5-5", "sonnet-5-5", "haiku-5-5")
_MOST_MODELS = 3
_FIELDS = {"model", "max_tokens", "thinking", "output_config", "speed"}
_LEFT_OUT = ("thinking", "redacted_thinking", "connector_text", "tool_use")


def fallbacks_of(body: dict[str, Any], features: Features) -> tuple[str, ...]:
    """The models that are asked after the requested one has declined. Raises ApiError 400."""
    asked = body.get("fallbacks")
    if asked is None:
        return ()
    if features.backend is not Backend.CLAUDE:
        raise ApiError.invalid("fallbacks: Extra inputs are not permitted")
    has_fallbacks = family_of(body["model"]) in _DECLINING_FAMILIES
    if asked == "default":
        return (DEFAULT_MODEL,) if has_fallbacks else ()
    if not isinstance(asked, list) or not 1 <= len(asked) <= _MOST_MODELS:
        raise ApiError.invalid(
            f"fallbacks: Input should be 'default' or a list of 1 to {_MOST_MODELS} models"
        )
    for index, entry in enumerate(asked):
        if not isinstance(entry, dict) or not isinstance(entry.get("model"), str):
            raise ApiError.invalid(f"fallbacks.{index}.model: Field required")
        if unknown := sorted(set(entry) - _FIELDS):
            raise ApiError.invalid(f"fallbacks.{index}.{unknown[0]}: Extra inputs are not permitted")
    models = [entry["model"] for entry in asked]
    if len({body["model"], *models}) <= len(models):
        raise ApiError.invalid("fallbacks: models must differ from each other and from the requested model")
    if not has_fallbacks:
        raise ApiError.invalid(f"fallbacks: not supported on {body['model']}")
    return tuple(models)


def sent_back(content: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of a reply that the next request may contain."""
    return [block for index, block in enumerate(content) if not _is_left_out(content, index)]


def check_sent_back(place: str, content: Sequence[dict[str, Any]]) -> None:
    """Raise ApiError 400 for blocks of a declining model that may not be sent back."""
    for index, block in enumerate(content):
        if _is_left_out(content, index):
            raise ApiError.invalid(
                f"{place}.{index}: `{block['type']}` before the final `fallback` block must be left out"
            )


def _is_left_out(content: Sequence[dict[str, Any]], index: int) -> bool:
    block, later = content[index], content[index + 1 :]
    if all(other["type"] != "fallback" for other in later):
        return False
    if block["type"] == "server_tool_use":
        return all(other.get("tool_use_id") != block["id"] for other in later)
    return block["type"] in _LEFT_OUT
