"""Output schemas: what Claude's structured outputs refuse is refused first, with where it is and the fix."""

import datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from a2a_tasks.domain.agents.output_schema import problems

ITEM = {"type": "object", "additionalProperties": False}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


FULL = schema(
    title={"type": "string", "description": "短い題"},
    score={"type": ["number", "null"], "default": None},
    kind={"enum": ["a", 1, None]},
    fixed={"const": "x"},
    when={"type": "string", "format": "date-time"},
    lines={"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1},
    either={"anyOf": [{"type": "string"}, {"$ref": "#/$defs/line"}]},
    both={"allOf": [{"type": "string"}, {"enum": ["a"]}]},
) | {
    "required": ["title"],
    "$defs": {"line": schema(part={"$ref": "#/$defs/part"}), "part": {"type": "integer"}},
}


def test_everything_that_is_taken_at_once() -> None:
    Draft202012Validator.check_schema(FULL)
    assert problems(FULL, "s") == []


def test_definitions_count_as_often_as_they_are_used() -> None:
    assert problems(exploding(levels=2, branches=10), "s") == []
    assert problems(chain(300), "s") == []


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        inner = {"type": "array", "items": inner}
    return schema(deep=inner)


def circular() -> dict[str, Any]:
    """What YAML's anchors make of ``&a {type: object, properties: {again: *a}}``."""
    again: dict[str, Any] = {"type": "object"}
    again["properties"] = {"again": again}
    return again


def exploding(levels: int, branches: int) -> dict[str, Any]:
    """Small, and valid for the integer 1, which a validator finds only after it has tried all other ways."""
    definitions: dict[str, Any] = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * branches} for n in range(levels)
    }
    definitions[f"d{levels}"] = {"const": "never"}
    return schema(a={"anyOf": [{"$ref": "#/$defs/d0"}, {"type": "integer"}]}) | {"$defs": definitions}


def chain(length: int) -> dict[str, Any]:
    """Definitions each of which is used once."""
    definitions = {f"d{n}": schema(next={"$ref": f"#/$defs/d{n + 1}"}) for n in range(length)}
    return schema(first={"$ref": "#/$defs/d0"}) | {"$defs": definitions | {f"d{length}": {"type": "null"}}}


OBJECT = "add 'additionalProperties: false'; Claude's structured outputs ask it of every object"
ROOT = "s: must be a JSON Schema that begins with 'type: object'"


@pytest.mark.parametrize(
    ("wrong", "lines"),
    [
        ("string", [ROOT]),
        ({}, [ROOT]),
        ({"type": "array", "items": {"type": "string"}}, [ROOT]),
        ({"type": ["object", "null"], "additionalProperties": False}, [ROOT]),
        ({"type": "object"}, [f"s: {OBJECT}"]),
        (schema(a={"type": "object"}), [f"s.properties.a: {OBJECT}"]),
        (schema(a={"type": ["object", "null"]}), [f"s.properties.a: {OBJECT}"]),
        (ITEM | {"additionalProperties": {"type": "string"}}, [f"s: {OBJECT}"]),
        (
            schema(a={"type": "array", "items": {"type": "object"}}),
            [f"s.properties.a.items: {OBJECT}"],
        ),
        (
            schema(a={"anyOf": [{"type": "string"}, {"type": "object"}]}),
            [f"s.properties.a.anyOf.1: {OBJECT}"],
        ),
        (ITEM | {"$defs": {"a": {"type": "object"}}}, [f"s.$defs.a: {OBJECT}"]),
        (ITEM | {"properties": []}, ["s.properties: must be a mapping of names to schemas"]),
        (ITEM | {"$defs": 3}, ["s.$defs: must be a mapping of names to schemas"]),
        (ITEM | {"required": "a"}, ["s.required: must be a list of property names"]),
        (ITEM | {"required": [["a"]]}, ["s.required: must be a list of property names"]),
        (ITEM | {"required": ["a", "b"]}, ["s.required: a, b is not among the properties"]),
        (ITEM | {"title": 3}, ["s.title: must be a text"]),
        (schema(a="string"), ["s.properties.a: must be a schema, such as '{type: string}'"]),
        (schema(a=True), ["s.properties.a: must be a schema, such as '{type: string}'"]),
        (schema(a={"type": "array", "items": None}), ["s.properties.a.items: must be a schema, such as"]),
        (schema(a={"anyOf": []}), ["s.properties.a.anyOf.0: must be a schema, such as '{type: string}'"]),
        (schema(a={}), ["s.properties.a: needs one of type, enum, const, anyOf, allOf, $ref"]),
        (schema(a={"type": "strng"}), ["s.properties.a.type: must be one of array, boolean, integer"]),
        (schema(a={"type": [[]]}), ["s.properties.a.type: must be one of array, boolean, integer"]),
        (schema(a={"enum": []}), ["s.properties.a.enum: must list texts, numbers, booleans or null"]),
        (schema(a={"enum": [{}]}), ["s.properties.a.enum: must list texts, numbers, booleans or null"]),
        (schema(a={"const": []}), ["s.properties.a.const: must be a text, a number, a boolean or null"]),
        (schema(a={"type": "string", "format": "phone"}), ["s.properties.a.format: must be one of date,"]),
        (schema(a={"type": "array", "minItems": 2}), ["s.properties.a.minItems: must be 0 or 1; say other"]),
        (
            schema(a={"type": "integer", "minimum": 1}),
            ["s.properties.a.minimum: Claude's structured outputs do not take this here; say it in 'descr"],
        ),
        (
            schema(a={"type": "string", "pattern": "(a+)+$"}),
            ["s.properties.a.pattern: Claude's structured outputs do not take this here; say it in 'descr"],
        ),
        (
            schema(a={"oneOf": [{"type": "string"}]}),
            [
                "s.properties.a.oneOf: Claude's structured outputs do not take this here; use anyOf",
                "s.properties.a: needs one of",
            ],
        ),
        (
            schema(a=ITEM | {"$defs": {}}),
            ["s.properties.a.$defs: Claude's structured outputs do not take this here; move it to the top"],
        ),
        (
            schema(a={"$ref": "https://example.com/schema"}),
            ["s.properties.a.$ref: must name a definition of this schema, such as '#/$defs/item'"],
        ),
        (schema(a={"$ref": "#/$defs/none"}), ["s.properties.a.$ref: must name a definition of this"]),
        (schema(a={"$ref": "#"}), ["s.properties.a.$ref: must name a definition of this schema"]),
        (schema(a={"$ref": 3}), ["s.properties.a.$ref: must name a definition of this schema"]),
        (
            schema(a={"allOf": [{"$ref": "#/$defs/x"}]}) | {"$defs": {"x": {"type": "string"}}},
            ["s.properties.a.allOf: Claude's structured outputs take no $ref in it; write the definition"],
        ),
        (
            schema() | {"$defs": {"a": schema(b={"$ref": "#/$defs/b"}), "b": {"$ref": "#/$defs/a"}}},
            ["s.$defs.a: refers to itself", "s.$defs.b: refers to itself"],
        ),
        (schema() | {"$defs": {"行": ITEM}}, ["s.$defs.行: name it with ASCII letters, digits and '_' only"]),
        (schema() | {"$defs": {"Row": ITEM, "row_": ITEM}}, ["s.$defs.row_: differs from another name in"]),
        (nested(100), ["s.properties.deep" + ".items" * 30 + ": is nested too deeply; at most 30 levels"]),
        (nested(100_000), ["s: is not JSON ("]),
        (
            exploding(levels=5, branches=10),
            ["s: has more than 1,000 schemas, with each $ref written out; simpl"],
        ),
        (schema(**{f"p{n}": {"type": "null"} for n in range(1_000)}), ["s: has more than 1,000 schemas"]),
        (circular(), ["s: is not JSON (Circular reference detected)"]),
        (schema(a={"const": float("nan")}), ["s: is not JSON ("]),
        (schema(a={"const": datetime.date(2025, 6, 15)}), ["s: is not JSON ("]),
        (schema(a={"type": "string", "title": "\ud800"}), ["s: is not JSON ("]),
        ({"type": "object", "properties": {True: {"type": "string"}}}, ["s: has a key that YAML reads as"]),
    ],
)
def test_what_is_not_taken_is_named_with_the_fix(wrong: object, lines: list[str]) -> None:
    found = problems(wrong, "s")
    assert [line[: len(start)] for line, start in zip(found, lines, strict=True)] == lines


def test_what_is_taken_is_json_schema() -> None:
    """The two agree: what is wrong as JSON Schema is never taken."""
    wrong = [{"type": 3}, {"enum": "a"}, {"anyOf": {}}, {"minItems": -1}, {"$ref": []}, {"required": 1}]
    for part in wrong:
        assert not Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid(part)
        assert problems(schema(a=part), "s")
