"""Changes of the tasks table from DynamoDB Streams (new and old images)."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.webhooks.push import StatusChange


def status_change_of(record: Mapping[str, Any]) -> StatusChange | None:
    """The status change in a stream record. None if the status is unchanged, and for creation and
    deletion."""
    old, new = record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage")
    # texts are items of the same partition, and no tasks
    is_task = bool(old and new) and new["sk"]["S"].startswith(task_items.TASK_PREFIX)
    if not is_task or "notify" not in new or old["status"] == new["status"]:
        return None
    return StatusChange(task_items.from_item(from_attributes(_attributes(new))), Status(old["status"]["S"]))


def _attributes(image: Mapping[str, Any]) -> dict[str, Any]:
    """An image in the form that the client returns: in Lambda's JSON events binary values are base64."""
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
    """Identifies a record in a partial batch response."""
    number: str = record["dynamodb"]["SequenceNumber"]
    return number
