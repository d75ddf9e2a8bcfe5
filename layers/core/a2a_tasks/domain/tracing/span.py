"""A span, as OpenTelemetry has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

type Value = str | int | float | bool | Sequence[str]


class SpanKind(IntEnum):
    """The span's place between processes; the values are OTLP's."""

    INTERNAL = 1
    CLIENT = 3
    PRODUCER = 4


@dataclass(frozen=True)
class Span:
    """One step of a trace, once it is over. It never has a text of a prompt, an answer, a tool's input or
    result, or an error's message."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    """Of few values, such as ``chat claude-…``."""
    begun_at: int
    """Unix milliseconds."""
    ended_at: int
    """Unix milliseconds."""
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Mapping[str, Value | None] = field(default_factory=dict)
    """Those that are None are left out."""
    error: str | None = None
    """Code of what went wrong, of few values. None if nothing did."""
    state: str = ""
    """The trace's ``tracestate``."""
