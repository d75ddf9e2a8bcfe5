"""Parts of a tool's definition as the model sees it, in JSON Schema."""

from collections.abc import Sequence
from typing import Any

type Schema = dict[str, Any]


def tool(name: str, description: str, required: Sequence[str], properties: Schema) -> dict[str, Any]:
    """A tool whose input has these properties."""
    return {"name": name, "description": description, "input_schema": fields(required, properties)}


def fields(required: Sequence[str], properties: Schema) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def number(description: str, minimum: int, maximum: int) -> Schema:
    return {"type": "integer", "description": description, "minimum": minimum, "maximum": maximum}


def flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}
