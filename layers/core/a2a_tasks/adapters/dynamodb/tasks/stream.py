"""The tasks' table as a stream of changes (DynamoDB Streams, with new and old images)."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.webhooks.push import StatusChange


def status_change_of(record: Mapping[str, Any]) -> StatusChange | None:
    """What a record of the stream says of a task that somebody may want to be told of; None where its status
    is what it was, and for its creation and deletion."""
    old, new = record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage")
    is_task = bool(old and new) and new["sk"]["S"].startswith(task_items.TASK_PREFIX)
    if not is_task or "notify" not in new or old["status"] == new["status"]:
        return None
    return StatusChange(task_items.from_item(_attributes(new)), Status(old["status"]["S"]))


def _attributes(image: Mapping[str, Any]) -> dict[str, Any]:
    """An image as the table's client gives items: in Lambda's events, which are JSON, bytes are base64."""
    return {name: _attribute(value) for name, value in image.items()}


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            content = b64decode(content)
        case "M":
            content = _attributes(content)
        case "L":
            content = [_attribute(item) for item in content]
    return {kind: content}


def sequence_number_of(record: Mapping[str, Any]) -> str:
    """What names a record to Lambda where it was not done with."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number
