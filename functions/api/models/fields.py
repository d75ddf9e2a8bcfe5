"""Fields of many bodies, and their limits."""

import json
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic.alias_generators import to_camel

from a2a_tasks.adapters import environment
from a2a_tasks.domain import ids
from a2a_tasks.domain.text.blank import SHOWN, is_blank

MAX_DELAY_SECONDS = 7 * 24 * 3600
ISO_8601 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d")
EXAMPLE_TIME = "2026-05-01T08:00:00Z"
MAX_FIELDS = 100
"""Of an object in a body, but for a context."""
MAX_MESSAGE = 100_000
MAX_CONTEXT_BYTES = 256 * 1024
MAX_TIMEOUT_MS = environment.integer("MAX_TIMEOUT_MS")
"""This deployment's, so that its OpenAPI document says what it takes."""


class ApiModel(BaseModel):
    # A validator is built when it is first used: those of answers are for the OpenAPI document alone.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: Any) -> Any:
        """Each that is not known is an error of its own, and pydantic collects them all."""
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise ValueError(f"has {len(value)} fields; at most {MAX_FIELDS} are taken")
        return value


def _is_session_id(value: str) -> str:
    if not ids.CONTEXT_ID.fullmatch(value):
        raise ValueError("should be 1 to 128 letters, digits and any of . _ ~ : @ -")
    return value


def _shows(value: str) -> str:
    if is_blank(value):
        raise ValueError("is blank; say something in it")
    return value


ConnectionId = Annotated[str, Field(pattern=f"^{ids.AGENT_ID.pattern}$")]
SessionId = Annotated[
    str,
    AfterValidator(_is_session_id),
    Field(json_schema_extra={"pattern": f"^{ids.CONTEXT_ID.pattern}$"}),
]
"""A conversation's id: the caller's own, or as an answer gave it."""
Message = Annotated[
    str,
    Field(min_length=1, max_length=MAX_MESSAGE, json_schema_extra={"pattern": SHOWN}),
    AfterValidator(_shows),
]
"""What is said to an agent."""


def storable[T](value: T) -> T:
    """Raises ``ValueError`` for what is not text or JSON."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not text") from None
    except ValueError:
        raise ValueError("contains a number that is too large") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value
