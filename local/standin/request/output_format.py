"""Structured output: the schemas that the API accepts, and a small value that fits one.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from typing import Any

from local.standin.errors import ApiError
from local.standin.request.features import TASK_BUDGET_BETA, Features, unexpected_tag

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_PLACE = "output_config.format.schema"
_UNSUPPORTED = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}
_STRINGS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "stand-in@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def check_output_config(body: dict[str, Any], features: Features) -> None:
    """Raise ApiError 400 for an `output_config` that the API does not accept."""
    config = body.get("output_config") or {}
    if not isinstance(config, dict):
        raise ApiError.invalid("output_config: Input should be an object")
    known = {"effort", "format"} | ({"task_budget"} if TASK_BUDGET_BETA in features.betas else set())
    for name in config:
        if name not in known:
            raise ApiError.invalid(f"output_config.{name}: Extra inputs are not permitted")
    if config.get("effort") not in (None, *_EFFORTS):
        efforts = ", ".join(f"'{effort}'" for effort in _EFFORTS[:-1])
        raise ApiError.invalid(f"output_config.effort: Input should be {efforts} or '{_EFFORTS[-1]}'")
    output_format = config.get("format")
    if output_format is None:
        return
    if not isinstance(output_format, dict) or output_format.get("type") != "json_schema":
        kind = output_format.get("type") if isinstance(output_format, dict) else None
        raise unexpected_tag("output_config.format", kind, ("json_schema",))
    if not isinstance(output_format.get("schema"), dict):
        raise ApiError.invalid(f"{_PLACE}: Field required")
    _check_schema(output_format["schema"])
    try:
        example_of(output_format["schema"])
    except RecursionError:
        raise ApiError.invalid(f"{_PLACE}: Recursive schemas are not supported") from None


def example_of(schema: dict[str, Any]) -> Any:
    """A small value that fits the schema: every property of an object, one item of an array."""
    return _example(schema, schema.get("$defs") or {})


def _check_schema(schema: Any) -> None:
    if isinstance(schema, bool):
        raise ApiError.invalid(f"{_PLACE}: Schema must be an object")
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        demand = "must be explicitly set to false"
        if "additionalProperties" in schema:
            demand = f"is {schema['additionalProperties']}, which is not supported: set it to false"
        raise ApiError.invalid(f"{_PLACE}: For 'object' type, 'additionalProperties' {demand}")
    for name in _UNSUPPORTED.get(kind, ()) if isinstance(kind, str) else ():
        if name in schema:
            raise ApiError.invalid(f"{_PLACE}: For '{kind}' type, property '{name}' is not supported")
    if kind == "array" and schema.get("minItems", 0) not in (0, 1):
        raise ApiError.invalid(f"{_PLACE}: For 'array' type, 'minItems' values above 1 are not supported")
    for part in _subschemas(schema):
        _check_schema(part)


def _subschemas(schema: dict[str, Any]) -> list[Any]:
    named = [*(schema.get("properties") or {}).values(), *(schema.get("$defs") or {}).values()]
    listed = [part for name in ("anyOf", "allOf", "oneOf") for part in schema.get(name) or []]
    return [*named, *listed, *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]


def _example(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return _example(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return _example(schema[name][0], definitions)
    kind = schema.get("type")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties = schema.get("properties") or {}
            return {name: _example(part, definitions) for name, part in properties.items()}
        case "array":
            return [_example(schema["items"], definitions)] if isinstance(schema.get("items"), dict) else []
        case "string":
            return _STRINGS.get(schema.get("format", ""), "stand-in")
        case scalar:
            return {"integer": 1, "number": 1, "boolean": True}.get(str(scalar))
