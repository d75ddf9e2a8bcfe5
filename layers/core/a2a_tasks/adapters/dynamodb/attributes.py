"""Plain values as DynamoDB attribute values, and back."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def to_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is None is left out."""
    return {name: _serializer.serialize(value) for name, value in values.items() if value is not None}


def from_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers become ``Decimal``."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}
