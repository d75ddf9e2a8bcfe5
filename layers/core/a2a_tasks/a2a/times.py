"""Timeouts in the metadata of requests, because A2A has no fields for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.a2a.errors import A2AError
from a2a_tasks.domain import queue_time

SHORTEST_MS = 1_000


@dataclass(frozen=True)
class Times:
    """``timeout`` and ``queueTimeout`` in milliseconds, as in the REST API. None is the agent's default."""

    timeout_ms: int | None = None
    queue_timeout_ms: int | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any], max_timeout_ms: int) -> "Times":
        """From the parameters of a request. Raises ``A2AError`` that names the invalid field."""
        metadata = params.get("metadata", {})
        return cls(
            _milliseconds(metadata, "timeout", SHORTEST_MS, max_timeout_ms),
            _milliseconds(metadata, "queueTimeout", queue_time.SHORTEST, queue_time.LONGEST),
        )


def _milliseconds(metadata: Mapping[str, Any], name: str, shortest: int, longest: int) -> int | None:
    value = metadata.get(name)
    if value is None:
        return None
    is_whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    if not (is_whole and shortest <= value <= longest):
        text = f"must be a whole number of milliseconds from {shortest} to {longest}"
        raise A2AError.invalid(f"metadata.{name}", text)
    return int(value)
