"""What the A2A function answers, against the protocol's own types."""

from collections.abc import Mapping
from typing import Any

from a2a.utils.proto_utils import validate_proto_required_fields
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message


def strictly[M: Message](document: Mapping[str, Any], kind: type[M]) -> M:
    """The document as a message. Raises for a field that the type does not have, or lacks."""
    message = ParseDict(dict(document), kind())
    validate_proto_required_fields(message)
    return message
