"""JSON as callers send and get it."""

import json
from typing import Any


def serialize(body: Any) -> str:
    # Chinese stays Chinese: half the bytes of \u escapes, and readable in a terminal
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def deserialize(text: str) -> Any:
    """JSON and nothing else: Python's parser also takes NaN, and breaks on deep nesting or endless digits.

    Raises ``JSONDecodeError`` for all of these.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), text, 0) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
