"""Objects of A2A 0.3 to 1.0 and back: tasks, messages, parts, push configurations.

Whatever both versions can express is preserved. The rest of 1.0 is left out, except for data that is no
object: it is wrapped in one and marked as the protocol's own SDK does.
"""

from collections.abc import Mapping
from typing import Any

from a2a_tasks.a2a.errors import A2AError
from a2a_tasks.a2a.v03.codec import (
    OPTIONAL_TEXT,
    TEXT,
    EnumCodec,
    Field,
    ListCodec,
    ObjectCodec,
    object_at,
    within,
)

STATES = EnumCodec(
    {
        "TASK_STATE_SUBMITTED": "submitted",
        "TASK_STATE_WORKING": "working",
        "TASK_STATE_INPUT_REQUIRED": "input-required",
        "TASK_STATE_AUTH_REQUIRED": "auth-required",
        "TASK_STATE_COMPLETED": "completed",
        "TASK_STATE_FAILED": "failed",
        "TASK_STATE_CANCELED": "canceled",
        "TASK_STATE_REJECTED": "rejected",
        "TASK_STATE_UNSPECIFIED": "unknown",
    },
    unknown="unknown",
)
ROLES = EnumCodec({"ROLE_USER": "user", "ROLE_AGENT": "agent"}, unknown="agent")
WRAPPED = "data_part_compat"
"""Metadata key of a data part: its object wraps the actual ``value``."""


FILE = ObjectCodec(
    (
        Field("name", TEXT, new="filename"),
        Field("mimeType", TEXT, new="mediaType"),
        Field("bytes", TEXT, new="raw"),
        Field("uri", TEXT, new="url"),
    )
)


class PartCodec:
    """0.3 discriminates parts by ``kind``, 1.0 by the field that is set."""

    def upgrade(self, value: Any, place: str) -> dict[str, Any]:
        part = object_at(value, place)
        match part.get("kind"):
            case "text":
                upgraded = {"text": TEXT.upgrade(part.get("text"), within(place, "text"))}
            case "file":
                upgraded = _file_of(part, place)
            case "data":
                return _upgraded_data(part, place)
            case _:
                raise A2AError.invalid(within(place, "kind"), "must be one of text, file, data")
        return upgraded | _metadata(part)

    def downgrade(self, value: Any) -> dict[str, Any]:
        if "text" in value:
            return {"kind": "text", "text": value["text"]} | _metadata(value)
        if "data" in value:
            return _downgraded_data(value)
        return {"kind": "file", "file": FILE.downgrade(value)} | _metadata(value)


PARTS = ListCodec(PartCodec())
MESSAGE = ObjectCodec(
    (
        Field("messageId", TEXT, required=True),
        Field("contextId", OPTIONAL_TEXT),
        Field("taskId", OPTIONAL_TEXT),
        Field("role", ROLES, required=True),
        Field("parts", PARTS, required=True),
        Field("metadata"),
        Field("extensions"),
        Field("referenceTaskIds"),
    ),
    kind="message",
)
ARTIFACT = ObjectCodec(
    (
        Field("artifactId", TEXT, required=True),
        Field("name", TEXT),
        Field("description", TEXT),
        Field("parts", PARTS, required=True),
        Field("metadata"),
        Field("extensions"),
    )
)
STATUS = ObjectCodec(
    (Field("state", STATES, required=True), Field("message", MESSAGE), Field("timestamp", TEXT))
)
TASK = ObjectCodec(
    (
        Field("id", TEXT, required=True),
        Field("contextId", OPTIONAL_TEXT, empty=""),  # a task that was not made by A2A may have none
        Field("status", STATUS, required=True),
        Field("artifacts", ListCodec(ARTIFACT)),
        Field("history", ListCodec(MESSAGE)),
        Field("metadata"),
    ),
    kind="task",
)


STATUS_UPDATE = ObjectCodec(
    (
        Field("taskId", TEXT, required=True),
        Field("contextId", TEXT, required=True),
        Field("status", STATUS, required=True),
        Field("metadata"),
    ),
    kind="status-update",
)
ARTIFACT_UPDATE = ObjectCodec(
    (
        Field("taskId", TEXT, required=True),
        Field("contextId", TEXT, required=True),
        Field("artifact", ARTIFACT, required=True),
        Field("append"),
        Field("lastChunk"),
        Field("metadata"),
    ),
    kind="artifact-update",
)
RESPONSES = {
    "task": TASK,
    "message": MESSAGE,
    "statusUpdate": STATUS_UPDATE,
    "artifactUpdate": ARTIFACT_UPDATE,
}
LAST = frozenset({"completed", "failed", "canceled", "rejected", "input-required", "auth-required"})
"""States that end a stream."""


class AuthenticationCodec:
    """0.3 lists several schemes, one of them with credentials; 1.0 has that one only."""

    def upgrade(self, value: Any, place: str) -> dict[str, Any] | None:
        authentication = object_at(value, place)
        schemes = authentication.get("schemes")
        if not isinstance(schemes, list):
            raise A2AError.invalid(within(place, "schemes"), "must be a list of authentication schemes")
        credentials = authentication.get("credentials")
        if not schemes and credentials is not None:
            raise A2AError.invalid(within(place, "schemes"), "must name the scheme of the credentials")
        known = {} if credentials is None else {"credentials": credentials}
        return {"scheme": schemes[0]} | known if schemes else None

    def downgrade(self, value: Any) -> dict[str, Any]:
        credentials = value.get("credentials")
        return {"schemes": [value["scheme"]]} | ({} if credentials is None else {"credentials": credentials})


PUSH_CONFIG = ObjectCodec(
    (
        Field("id", OPTIONAL_TEXT),
        Field("url", TEXT, required=True),
        Field("token", TEXT),
        Field("authentication", AuthenticationCodec()),
    )
)


class PushConfigCodec:
    """0.3 nests the configuration in an object beside the task's id."""

    def upgrade(self, value: Any, place: str) -> dict[str, Any]:
        outer = _TASK_PUSH_CONFIG.upgrade(value, place)
        config: dict[str, Any] = outer.pop("config")
        return config | outer

    def downgrade(self, value: Any) -> dict[str, Any]:
        return _TASK_PUSH_CONFIG.downgrade({"taskId": value["taskId"], "config": value})


_TASK_PUSH_CONFIG = ObjectCodec(
    (
        Field("taskId", TEXT, required=True),
        Field("pushNotificationConfig", PUSH_CONFIG, new="config", required=True),
    )
)


def task_view(task: Mapping[str, Any]) -> dict[str, Any]:
    """A 0.3 ``Task`` from a 1.0 one."""
    return TASK.downgrade(task)


def response_view(response: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a 1.0 ``SendMessageResponse`` or ``StreamResponse``, without the wrapper, as in 0.3."""
    ((name, value),) = response.items()
    view = RESPONSES[name].downgrade(value)
    return view | {"final": view["status"]["state"] in LAST} if name == "statusUpdate" else view


def _metadata(part: Mapping[str, Any]) -> dict[str, Any]:
    metadata = part.get("metadata")
    return {} if metadata is None else {"metadata": metadata}


def _file_of(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    file = FILE.upgrade(part.get("file"), within(place, "file"))
    if ("raw" in file) == ("url" in file):
        raise A2AError.invalid(within(place, "file"), "must have either bytes or uri")
    return file


def _upgraded_data(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    data = object_at(part.get("data"), within(place, "data"))
    metadata = part.get("metadata")
    if not isinstance(metadata, dict) or metadata.get(WRAPPED) is not True:
        return {"data": data} | _metadata(part)
    if "value" not in data:
        raise A2AError.invalid(within(place, "data.value"), f"is required where the metadata says {WRAPPED}")
    others = {name: value for name, value in metadata.items() if name != WRAPPED}
    return {"data": data["value"]} | ({"metadata": others} if others else {})


def _downgraded_data(part: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(part["data"], dict):
        return {"kind": "data", "data": part["data"]} | _metadata(part)
    metadata = dict(part.get("metadata") or {}) | {WRAPPED: True}
    return {"kind": "data", "data": {"value": part["data"]}, "metadata": metadata}
