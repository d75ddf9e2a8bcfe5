"""Spans as an OTLP request in JSON (https://opentelemetry.io/docs/specs/otlp/, "JSON Protobuf Encoding")."""

from collections.abc import Mapping, Sequence
from typing import Any

from a2a_tasks.domain.tracing.span import Span, Value

SCOPE = "a2a_tasks"
STATUS_ERROR = 2
SAMPLED = 1


def request_of(spans: Sequence[Span], resource: Mapping[str, Value]) -> dict[str, Any]:
    """The body of ``POST /v1/traces``. ``resource`` says which process has recorded them."""
    scope_spans = {"scope": {"name": SCOPE}, "spans": [_span(span) for span in spans]}
    return {
        "resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope_spans]}]
    }


def _span(span: Span) -> dict[str, Any]:
    document: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "flags": SAMPLED,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": _nanos(span.begun_at),
        "endTimeUnixNano": _nanos(span.ended_at),
        "attributes": _attributes(span.attributes),
    }
    if span.parent_id is not None:
        document["parentSpanId"] = span.parent_id
    if span.state:
        document["traceState"] = span.state
    if span.error is not None:
        document["status"] = {"code": STATUS_ERROR, "message": span.error}
    return document


def _nanos(milliseconds: int) -> str:
    return str(milliseconds * 1_000_000)  # 64-bit numbers are texts in this encoding


def _attributes(values: Mapping[str, Value | None]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case _:
            return {"arrayValue": {"values": [_value(each) for each in value]}}
