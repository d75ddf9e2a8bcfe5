"""JSON as callers send and receive it, and as the model sees it."""

import json
from typing import Any

from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_limits import BeyondLimits


def serialize(body: Any) -> str:
    """Compact JSON with unescaped Unicode."""
    # Chinese text is not escaped: half the bytes, and readable in a terminal
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def deserialize(text: str) -> Any:
    """Parse JSON within the limits of ``json_limits``, strictly: Python's parser also accepts NaN, and
    fails on endless digits.

    Raises:
        JSONDecodeError: In all cases. Its ``msg`` continues a sentence: "is not valid JSON".
    """
    try:
        json_limits.check_text(text)
        return json.loads(text, parse_constant=_refuse_constant)
    except BeyondLimits as error:
        raise json.JSONDecodeError(str(error), text, 0) from None
    except ValueError:
        raise json.JSONDecodeError("is not valid JSON", text, 0) from None


class TooLong(ValueError):
    """JSON that exceeds the limit once indented."""


def indented(value: Any, limit: int) -> str:
    """The value as the model sees it, in up to ``limit`` characters. Raises ``TooLong`` without having
    built a string much longer than the value itself."""
    # counted before anything is built: indentation can make a value of brackets a hundred times as long
    if _indentation(value, limit) <= limit:
        text = json.dumps(value, ensure_ascii=False, indent=1)
        if len(text) <= limit:
            return text
    raise TooLong


def _indentation(value: Any, limit: int) -> int:
    """Characters that indentation adds to compact JSON, counted up to ``limit``."""
    added, depth, level = 0, 0, [value]
    while level and added <= limit:
        parts = [part for part in level if isinstance(part, dict | list) and part]
        # a line for each of its values and one for its end, and a space behind each name
        added += sum((len(part) + 1) * (depth + 2) - 1 for part in parts)
        added += sum(len(part) for part in parts if isinstance(part, dict))
        level = [each for part in parts for each in (part.values() if isinstance(part, dict) else part)]
        depth += 1
    return added


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
