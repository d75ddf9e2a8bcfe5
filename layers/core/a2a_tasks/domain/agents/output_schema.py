"""The JSON Schemas that an agent may answer by.

Claude's structured outputs take a part of JSON Schema and refuse a request with anything else
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations), so such
schemas are refused when the agent is applied. References stay inside the schema, so validating fetches
nothing; patterns are not allowed, so a validator never runs a regular expression from outside.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
MAX_DEPTH = 30
MAX_SCHEMAS = 1_000
"""Limit of subschemas, counting a definition once per reference: a validator may evaluate them all, in a
worker that executes other tasks. Compiling this many takes most of a second."""
_DEFINITION = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
"""fastjsonschema, which validates the answers, takes definitions for one whose names differ only in other
characters, in case or in ``_`` (2.22)."""
_DEFINITIONS = ("$defs", "definitions")
_KEYWORDS = frozenset(
    {"title", "description", "default", "type", "enum", "const", "format", "properties", "required"}
    | {"additionalProperties", "items", "minItems", "anyOf", "allOf", "$ref"}
)
_SHAPES = ("type", "enum", "const", "anyOf", "allOf", "$ref")
_INSTEAD = {"oneOf": "use anyOf", "nullable": "write 'type: [string, \"null\"]'", "$schema": "leave it out"}


def problems(schema: object, field: str) -> list[str]:
    """What has to change before Claude takes the schema: a line each, beginning with where it is."""
    not_json = _not_json(schema)
    if not_json:
        return [f"{field}: {not_json}"]
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return [f"{field}: must be a JSON Schema that begins with 'type: object'"]
    found = list(_Walk(schema).problems(schema, field, 0)) or _too_many(field, _count(schema))
    found = found or [f"{field}.{problem}" for problem in _cycles(schema)]
    return found or _too_many(field, _written_out(schema))


def _too_many(field: str, count: int) -> list[str]:
    if count <= MAX_SCHEMAS:
        return []
    return [f"{field}: has more than {MAX_SCHEMAS:,} schemas, with each $ref written out; simplify it"]


def _not_json(schema: object) -> str | None:
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        text.encode()
        is_same = json.loads(text) == schema
    except (TypeError, ValueError, RecursionError) as error:
        return f"is not JSON ({error}); put dates in quotes, and leave out what JSON does not have"
    return None if is_same else "has a key that YAML reads as a number, a boolean or null; put it in quotes"


class _Walk:
    """Looks at every part of one schema."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def problems(self, schema: Any, path: str, depth: int) -> Iterator[str]:
        if not isinstance(schema, dict):
            yield f"{path}: must be a schema, such as '{{type: string}}'"
            return
        if depth > MAX_DEPTH:
            yield f"{path}: is nested too deeply; at most {MAX_DEPTH} levels are taken"
            return
        yield from self._keywords(schema, path)
        yield from _values(schema, path)
        yield from _of_objects(schema, path)
        yield from self._references(schema, path)
        for inner, inner_path in _inside(schema, path):
            yield from self.problems(inner, inner_path, depth + 1)

    def _keywords(self, schema: dict[str, Any], path: str) -> Iterator[str]:
        known = _KEYWORDS | set(_DEFINITIONS) if schema is self._root else _KEYWORDS
        for keyword in (keyword for keyword in schema if keyword not in known):
            instead = _INSTEAD.get(keyword, "say it in 'description' instead")
            if keyword in _DEFINITIONS:
                instead = "move it to the top of the schema"
            yield f"{path}.{keyword}: Claude's structured outputs do not take this here; {instead}"
        for keyword in ("properties", *_DEFINITIONS):
            if not isinstance(schema.get(keyword, {}), dict):
                yield f"{path}.{keyword}: must be a mapping of names to schemas"
        if not any(keyword in schema for keyword in _SHAPES):
            yield f"{path}: needs one of {', '.join(_SHAPES)}"

    def _references(self, schema: dict[str, Any], path: str) -> Iterator[str]:
        if "$ref" in schema and _target(self._root, schema["$ref"]) is None:
            yield f"{path}.$ref: must name a definition of this schema, such as '#/$defs/item'"
        if schema is self._root:
            yield from _definition_names(schema, path)
        if any(isinstance(part, dict) and "$ref" in part for part in _parts(schema, "allOf")):
            yield f"{path}.allOf: Claude's structured outputs take no $ref in it; write the definition out"


def _definition_names(root: dict[str, Any], path: str) -> Iterator[str]:
    for keyword in _DEFINITIONS:
        seen: set[str] = set()
        for name in _schemas(root, keyword):
            alike = name.lower().replace("_", "")
            if not _DEFINITION.fullmatch(name):
                yield f"{path}.{keyword}.{name}: name it with ASCII letters, digits and '_' only"
            elif alike in seen:
                yield f"{path}.{keyword}.{name}: differs from another name in case or '_' only; rename it"
            seen.add(alike)


def _values(schema: dict[str, Any], path: str) -> Iterator[str]:
    """The keywords whose values are no schemas."""
    for keyword in ("title", "description"):
        if not isinstance(schema.get(keyword, ""), str):
            yield f"{path}.{keyword}: must be a text"
    types = schema.get("type", "object")
    named = types if isinstance(types, list) else [types]
    if not named or not all(isinstance(name, str) and name in TYPES for name in named):
        yield f"{path}.type: must be one of {', '.join(sorted(TYPES))}, or a list of them"
    enum = schema.get("enum", [None])
    if not isinstance(enum, list) or not enum or any(isinstance(value, dict | list) for value in enum):
        yield f"{path}.enum: must list texts, numbers, booleans or null"
    if isinstance(schema.get("const"), dict | list):
        yield f"{path}.const: must be a text, a number, a boolean or null"
    if schema.get("format", "date") not in sorted(FORMATS):
        yield f"{path}.format: must be one of {', '.join(sorted(FORMATS))}"
    if schema.get("minItems", 0) not in (0, 1) or isinstance(schema.get("minItems"), bool):
        yield f"{path}.minItems: must be 0 or 1; say other bounds in 'description'"


def _of_objects(schema: dict[str, Any], path: str) -> Iterator[str]:
    types = schema.get("type")
    is_object = types == "object" or (isinstance(types, list) and "object" in types)
    extra = schema.get("additionalProperties")
    if (is_object or "additionalProperties" in schema) and extra is not False:
        yield f"{path}: add 'additionalProperties: false'; Claude's structured outputs ask it of every object"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"{path}.required: must be a list of property names"
        return
    missing = [name for name in required if name not in _schemas(schema, "properties")]
    if missing:
        yield f"{path}.required: {', '.join(missing)} is not among the properties"


def _inside(schema: dict[str, Any], path: str) -> Iterator[tuple[Any, str]]:
    """Every schema directly in this one, and where it is."""
    for keyword in ("properties", *_DEFINITIONS):
        for name, inner in _schemas(schema, keyword).items():
            yield inner, f"{path}.{keyword}.{name}"
    if "items" in schema:
        yield schema["items"], f"{path}.items"
    for keyword in ("anyOf", "allOf"):
        if keyword in schema:
            parts = _parts(schema, keyword) or [None]
            yield from ((part, f"{path}.{keyword}.{number}") for number, part in enumerate(parts))


def _schemas(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    named = schema.get(keyword)
    return named if isinstance(named, dict) else {}


def _parts(schema: dict[str, Any], keyword: str) -> list[Any]:
    parts = schema.get(keyword)
    return parts if isinstance(parts, list) else []


def _target(root: dict[str, Any], reference: object) -> str | None:
    """The definition, such as ``$defs.item``, that ``#/$defs/item`` names; None if there is none."""
    if not isinstance(reference, str):
        return None
    start, _, rest = reference.partition("/")
    keyword, _, name = rest.partition("/")
    is_there = start == "#" and keyword in _DEFINITIONS and name in _schemas(root, keyword)
    return f"{keyword}.{name}" if is_there else None


def _definitions(root: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its name as ``_target`` has it."""
    for keyword in _DEFINITIONS:
        for name, definition in _schemas(root, keyword).items():
            yield f"{keyword}.{name}", definition


def _cycles(root: dict[str, Any]) -> list[str]:
    """The definitions that contain themselves: Claude's structured outputs take no recursion."""
    uses = {name: set(_references_in(root, definition)) for name, definition in _definitions(root)}
    return [
        f"{name}: refers to itself, and Claude's structured outputs take no recursion; limit the depth"
        for name in uses
        if name in _reached(uses, name)
    ]


def _reached(uses: Mapping[str, set[str]], start: str) -> set[str]:
    """The definitions that one refers to, itself or through others."""
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        new = uses[ahead.pop()] - reached
        reached |= new
        ahead += new
    return reached


def _references_in(root: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    target = _target(root, schema.get("$ref"))
    if target:
        yield target
    for inner, _ in _inside(schema, ""):
        yield from _references_in(root, inner)


def _written_out(root: dict[str, Any]) -> int:
    """How many schemas there are with each definition written out wherever it is referred to, counted up to
    one more than ``MAX_SCHEMAS``. No definition may contain itself."""
    definitions = {
        name: (_count(definition), list(_references_in(root, definition)))
        for name, definition in _definitions(root)
    }
    sizes = dict.fromkeys(definitions, 0)
    for _ in definitions:
        sizes = {
            name: min(MAX_SCHEMAS + 1, own + sum(sizes[other] for other in references))
            for name, (own, references) in definitions.items()
        }
    body = {keyword: value for keyword, value in root.items() if keyword not in _DEFINITIONS}
    return min(MAX_SCHEMAS + 1, _count(body) + sum(sizes[other] for other in _references_in(root, body)))


def _count(schema: dict[str, Any]) -> int:
    return 1 + sum(_count(inner) for inner, _ in _inside(schema, ""))
