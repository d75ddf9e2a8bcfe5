"""Trace context in HTTP headers (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

import re
from dataclasses import dataclass

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
MAX_STATE = 512
"""Characters of ``tracestate`` that are kept; the standard asks for as many. A longer one is left out."""
MAX_MEMBERS = 32
"""Of ``tracestate``, by the standard."""
NO_SPAN = "0" * 16
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KEY = r"[a-z0-9][a-z0-9_*/@-]{0,255}"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"{_KEY}={_VALUE}")


@dataclass(frozen=True)
class TraceContext:
    """A span of a caller, under which ours are recorded."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    is_sampled: bool
    """Whether the caller records its part of the trace."""
    state: str = ""
    """The value of ``tracestate``, passed on as it came."""

    @classmethod
    def of(cls, traceparent: str | None, tracestate: str | None) -> "TraceContext | None":
        """From a request's headers. None without a valid ``traceparent``: the standard lets a trace begin
        anew then, and no request is refused for it. An invalid ``tracestate`` alone is left out."""
        found = _PARENT.fullmatch((traceparent or "").strip())
        if found is None:
            return None
        version, trace_id, span_id, flags, more = found.groups()
        if (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
            return None
        return cls(trace_id, span_id, bool(int(flags, 16) & 1), _valid_state(tracestate or ""))

    @property
    def traceparent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"

    def to_headers(self) -> list[tuple[str, str]]:
        """Headers of a request that belongs to this span."""
        return [(TRACEPARENT, self.traceparent), *([(TRACESTATE, self.state)] if self.state else [])]


def _valid_state(given: str) -> str:
    """The list without empty members, or nothing if a part of it is invalid."""
    if len(given) > MAX_STATE:
        return ""
    members = [member.strip(" \t") for member in given.split(",") if member.strip(" \t")]
    if len(members) > MAX_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return ""
    return ",".join(members)
