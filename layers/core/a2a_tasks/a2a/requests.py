"""Validates requests against the protocol's own types; the result is plain JSON.

Names may be camelCase or snake_case (as in ProtoJSON) and are returned in camelCase. Unknown fields are
dropped, invalid values refused. Free-form JSON (``metadata``, ``data``) belongs to the caller and bypasses
the types, which would turn every number into a float and take ten microseconds for each.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

from a2a.types import a2a_pb2
from a2a.utils.errors import InvalidParamsError
from a2a.utils.proto_utils import validate_proto_required_fields
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_limits import BeyondLimits

type Kind = Any
"""A message descriptor, for which protobuf has several unrelated classes."""

STRUCT: Kind = Struct.DESCRIPTOR
VALUE: Kind = Value.DESCRIPTOR
TIMESTAMP: Kind = Timestamp.DESCRIPTOR
MAX_PAGE_SIZE = 100
MAX_ITEMS = 100
"""Items of an array of a known type. Each costs ten microseconds."""
MAX_INT = 2**31 - 1
_WHOLE = re.compile(r"-?\d{1,10}")
_PLACE = re.compile(r" at \w+\.(?P<place>[\w.\[\]]+)\.?$")
"""Place of an invalid value, at the end of the parser's message."""
_NESTED = re.compile(r"(?:Failed to parse [\w.]+ field: )+")

TYPES: dict[str, type[Message]] = {
    "SendMessage": a2a_pb2.SendMessageRequest,
    "SendStreamingMessage": a2a_pb2.SendMessageRequest,
    "GetTask": a2a_pb2.GetTaskRequest,
    "ListTasks": a2a_pb2.ListTasksRequest,
    "CancelTask": a2a_pb2.CancelTaskRequest,
    "SubscribeToTask": a2a_pb2.SubscribeToTaskRequest,
    "CreateTaskPushNotificationConfig": a2a_pb2.TaskPushNotificationConfig,
    "GetTaskPushNotificationConfig": a2a_pb2.GetTaskPushNotificationConfigRequest,
    "ListTaskPushNotificationConfigs": a2a_pb2.ListTaskPushNotificationConfigsRequest,
    "DeleteTaskPushNotificationConfig": a2a_pb2.DeleteTaskPushNotificationConfigRequest,
    "GetExtendedAgentCard": a2a_pb2.GetExtendedAgentCardRequest,
}
"""Parameter type of each method."""


class FreeForm(dict[str, Any]):
    """A free-form ``value`` that the parser sees as an empty object."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def parse(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a method: only fields that are set, timestamps as Unix milliseconds.

    Raises ``A2AError`` (INVALID_PARAMS) that names each invalid field.
    """
    message = TYPES[method]()
    known = _known(params, message.DESCRIPTOR)
    try:
        # by the protocol's own types, so that what they refuse is refused here
        ParseDict(known, message)
    except (ParseError, ValueError, OverflowError, RecursionError) as error:
        raise _unparsed(error) from None
    try:
        validate_proto_required_fields(message)
    except InvalidParamsError as error:
        missing = [_camel(each["field"]) for each in (error.data or {})["errors"]]
        violations = [{"field": field, "description": "is required"} for field in missing]
        text = "; ".join(f"{field}: is required" for field in missing)
        raise A2AError(Problem.INVALID_PARAMS, text, violations) from None
    checked = _plain(message, known)
    _check_limits(checked)
    return checked


def from_query(method: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Query parameters as JSON with numbers and booleans. Raises ``A2AError``."""
    fields = _fields(TYPES[method].DESCRIPTOR)
    params: dict[str, Any] = {}
    for name, text in query.items():
        field = fields.get(name)
        if field is not None and field.type == FieldDescriptor.TYPE_BOOL:
            if text not in ("true", "false"):
                raise A2AError.invalid(field.json_name, "must be true or false")
            params[name] = text == "true"
        elif field is not None:
            params[name] = text
    return params


def _check_limits(params: Mapping[str, Any]) -> None:
    size = params.get("pageSize", 1)
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise A2AError.invalid("pageSize", f"must be 1 to {MAX_PAGE_SIZE}")
    for place, holder in (("", params), ("configuration.", params.get("configuration", {}))):
        if holder.get("historyLength", 0) < 0:
            raise A2AError.invalid(f"{place}historyLength", "must not be negative")


def _fields(kind: Kind) -> dict[str, FieldDescriptor]:
    return {name: field for field in kind.fields for name in (field.name, field.json_name)}


def _is_object(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type not in (STRUCT, VALUE, TIMESTAMP)


def _known(value: Mapping[str, Any], kind: Kind, place: str = "") -> dict[str, Any]:
    """The value without unknown fields, so that every other problem is an error."""
    known: dict[str, Any] = {}
    fields = _fields(kind)
    for name, part in value.items():
        field = fields.get(name)
        if field is None or (part is None and field.message_type is not VALUE):
            continue
        within = f"{place}{field.json_name}"
        if field.is_repeated:
            _expect(isinstance(part, list), within, "must be an array")
            _expect(len(part) <= MAX_ITEMS, within, f"has {len(part)} items; at most {MAX_ITEMS} are taken")
            known[field.json_name] = [_part(each, field, f"{within}[{n}]") for n, each in enumerate(part)]
        else:
            known[field.json_name] = _part(part, field, within)
    for oneof in kind.oneofs:
        names = [field.json_name for field in oneof.fields]
        # a lone field in one is only how the types say that it is optional
        if len(names) > 1 and len(known.keys() & set(names)) != 1:
            raise A2AError.invalid(place.rstrip("."), f"must have one of {', '.join(names)}")
    return known


def _part(value: Any, field: FieldDescriptor, place: str) -> Any:
    if _is_object(field):
        _expect(isinstance(value, Mapping), place, "must be an object")
        return _known(value, field.message_type, f"{place}.")
    if field.message_type in (STRUCT, VALUE):
        return _free_form(value, field, place)
    if field.enum_type is not None:
        kind: Kind = field.enum_type
        names = [name for name, each in kind.values_by_name.items() if each.number]
        is_one = isinstance(value, str | int) and (
            value in kind.values_by_name or value in kind.values_by_number
        )
        _expect(is_one, place, f"must be one of {', '.join(names)}")
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        _expect(isinstance(value, str), place, "must be a string")
    if field.type == FieldDescriptor.TYPE_BOOL:
        _expect(isinstance(value, bool), place, "must be true or false")
    if field.type == FieldDescriptor.TYPE_INT32:
        is_whole = isinstance(value, float) and value.is_integer()
        number = int(value) if is_whole or _WHOLE.fullmatch(str(value)) else MAX_INT + 1
        _expect(-MAX_INT <= number <= MAX_INT, place, "must be a whole number, and not a huge one")
    return value


def _free_form(value: Any, field: FieldDescriptor, place: str) -> FreeForm:
    _expect(field.message_type is VALUE or isinstance(value, Mapping), place, "must be an object")
    try:
        json_limits.check_value(value)
    except BeyondLimits as error:
        raise A2AError.invalid(place, str(error)) from None
    return FreeForm(value)


def _expect(is_met: bool, place: str, expected: str) -> None:
    if not is_met:
        raise A2AError.invalid(place, expected)


def _plain(message: Message, known: Mapping[str, Any]) -> dict[str, Any]:
    """The fields set in a message, with free-form values as sent."""
    plain: dict[str, Any] = {}
    for field, value in message.ListFields():
        name, sent = field.json_name, known[field.json_name]
        if not _is_object(field):
            plain[name] = _scalar(field, value, sent)
        elif isinstance(sent, list):
            plain[name] = [_plain(each, part) for each, part in zip(value, sent, strict=True)]
        else:
            plain[name] = _plain(value, sent)
    return plain


def _scalar(field: FieldDescriptor, value: Any, sent: Any) -> Any:
    if field.message_type is not None:
        return value.ToMilliseconds() if field.message_type is TIMESTAMP else sent.value
    if field.enum_type is not None:
        kind: Kind = field.enum_type
        return kind.values_by_number[value].name
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    return list(value) if field.is_repeated else value


def _unparsed(error: Exception) -> A2AError:
    if isinstance(error, UnicodeEncodeError):
        return A2AError(
            Problem.INVALID_PARAMS, "A text contains half of a surrogate pair, which is not text."
        )
    if isinstance(error, RecursionError):
        return A2AError(Problem.INVALID_PARAMS, "The parameters are nested too deeply.")
    text = _NESTED.sub("", str(error))
    found = _PLACE.search(text)
    if found is None:
        return A2AError(Problem.INVALID_PARAMS, text)
    return A2AError.invalid(found["place"].rstrip("."), text[: found.start()].rstrip("."))


def _camel(field: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), field)
