"""Plain values as DynamoDB attribute values, and back. What boto3 has for it brings all of boto3 with it."""

from collections.abc import Mapping, Set
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

NUMBERS = Context(prec=38, Emin=-128, Emax=126, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])
"""Those that DynamoDB keeps as they are. Others are an error instead of being rounded, as in boto3."""


def to_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is None is left out. Raises ``TypeError`` for floats, objects, and sets of anything but texts or
    integers."""
    return {name: _to_attribute(value) for name, value in values.items() if value is not None}


def from_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers become ``Decimal``."""
    return {name: _from_attribute(value) for name, value in item.items()}


def _to_attribute(value: object) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case None:
            return {"NULL": True}
        # before int: bool is a subclass of int, and True would be stored as 1
        case bool():
            return {"BOOL": value}
        case int() | Decimal() if (number := NUMBERS.create_decimal(value)).is_finite():
            return {"N": str(number)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": {name: _to_attribute(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [_to_attribute(each) for each in value]}
        # DynamoDB has no empty sets and no sets of mixed types
        case Set() if value and all(isinstance(each, str) for each in value):
            return {"SS": list(value)}
        case Set() if value and all(isinstance(each, int) for each in value):
            return {"NS": [str(NUMBERS.create_decimal(each)) for each in value]}
    raise TypeError(f"DynamoDB takes no {type(value).__name__} such as {value!r}")


def _from_attribute(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL" | "B":
            return value
        case "N":
            return NUMBERS.create_decimal(value)
        case "NULL":
            return None
        case "M":
            return from_attributes(value)
        case "L":
            return [_from_attribute(each) for each in value]
        case "SS":
            return set(value)
        case "NS":
            return {NUMBERS.create_decimal(each) for each in value}
    raise TypeError(f"attributes of the kind {kind} are not read")
