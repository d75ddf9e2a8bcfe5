"""The models that the stand-in lists."""

from typing import Any

from local.standin.backend import Backend

MAX_OUTPUT_TOKENS = 128_000
_NAMES = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
    "claude-opus-5": "Claude Opus 5",
    "claude-sonnet-5": "Claude Sonnet 5",
    "claude-haiku-4-5": "Claude Haiku 4.5",
}


def is_served(model: str, backend: Backend) -> bool:
    """Whether calls with this model id are answered: any Claude, including new ones, by the backend's
    name."""
    return model.startswith("anthropic.claude-" if backend is Backend.BEDROCK else "claude-")


def family_of(model: str) -> str:
    """The model's name without its maker, as in `opus-5-5`, on every backend."""
    return model.removeprefix("anthropic.").removeprefix("claude-")


def describe_model(model: str) -> dict[str, Any] | None:
    """The entry of a listed model, None for any other id."""
    if model not in _NAMES:
        return None
    return {
        "type": "model",
        "id": model,
        "display_name": f"{_NAMES[model]} (played by the stand-in)",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": model.split("-")[1],
        "max_input_tokens": 1_000_000,
        "max_tokens": MAX_OUTPUT_TOKENS,
        "capabilities": None,
    }


def list_models() -> dict[str, Any]:
    """A single page with all listed models."""
    data = [describe_model(model) for model in _NAMES]
    first, *_, last = _NAMES
    return {"data": data, "has_more": False, "first_id": first, "last_id": last}
