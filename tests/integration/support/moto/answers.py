"""Short cuts through how moto finds what answers a request, and through its serialization of the answer."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core import responses
from moto.core.model import StructureShape
from moto.core.serialize import AttributePickerContext, BaseJSONSerializer, XFormedAttributePicker
from moto.core.utils import method_names_from_class

TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"})


@contextmanager
def quick_answers() -> Iterator[None]:
    """An attribute of an item is JSON already, of which moto makes the same again: for each it looks for ten
    types under several names each. And it looks through a service's class for the names of its methods at
    each request."""
    pick, serialize = XFormedAttributePicker.__call__, BaseJSONSerializer._serialize_type_structure

    def pick_quickly(picker: XFormedAttributePicker, context: AttributePickerContext) -> Any:
        value = context.obj
        if type(value) is dict and len(value) == 1 and context.key in TYPES and TYPES.issuperset(value):
            return value.get(context.key)
        return pick(picker, context)

    def serialize_quickly(
        serializer: BaseJSONSerializer, serialized: Any, value: Any, shape: StructureShape, key: str
    ) -> None:
        if key and shape.name == "AttributeValue" and is_json(value):
            serializer._default_serialize(serialized, value, shape, key)
        else:
            serialize(serializer, serialized, value, shape, key)

    methods = functools.cache(method_names_from_class)
    with (
        patch.object(XFormedAttributePicker, "__call__", pick_quickly),
        patch.object(BaseJSONSerializer, "_serialize_type_structure", serialize_quickly),
        patch.object(responses, "method_names_from_class", methods),
    ):
        yield


def is_json(value: Any) -> bool:
    """Whether an attribute's value is as it is sent: not so bytes, and what moto has not made plain yet."""
    if type(value) is not dict or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    match kind:
        case "S" | "N":
            return type(content) is str
        case "BOOL" | "NULL":
            return type(content) is bool
        case "SS" | "NS":
            return type(content) is list and all(type(item) is str for item in content)
        case "L":
            return type(content) is list and all(map(is_json, content))
        case "M":
            return type(content) is dict and all(map(is_json, content.values()))
        case _:
            return False
