"""JSON as callers send and get it."""

import json
from typing import Any

from a2a_tasks.domain import json_limits
from a2a_tasks.domain.json_limits import BeyondLimits


def serialize(body: Any) -> str:
    # Chinese stays Chinese: half the bytes of \u escapes, and readable in a terminal
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def deserialize(text: str) -> Any:
    """JSON within its limits (``json_limits``) and nothing else: Python's parser also takes NaN, and breaks
    on endless digits.

    Raises ``JSONDecodeError`` for all of these; its ``msg`` goes on from what was parsed: "is not valid
    JSON".
    """
    try:
        json_limits.check_text(text)
        return json.loads(text, parse_constant=_refuse_constant)
    except BeyondLimits as error:
        raise json.JSONDecodeError(str(error), text, 0) from None
    except ValueError:
        raise json.JSONDecodeError("is not valid JSON", text, 0) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
