"""Live chunks in the tasks table: one partition per task, one small item per chunk, deleted by TTL."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks.task_items import progress_value, to_progress
from a2a_tasks.ports.live import LiveChunk

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHUNK_PREFIX = "CHUNK#"


def live_partition(task_id: str) -> str:
    """Partition of a task's chunks."""
    return f"LIVE#{task_id}"


@dataclass(frozen=True)
class DynamoDBLive:
    """``LiveStore``."""

    client: "DynamoDBClient"
    table: str

    def append(self, task_id: str, chunk: LiveChunk, until: int) -> None:
        item = {
            "pk": live_partition(task_id),
            "sk": f"{CHUNK_PREFIX}{chunk.turn:04d}#{chunk.fence:06d}#{chunk.number:06d}",
            "text": chunk.text,
            "progress": progress_value(chunk.progress),
            "ttl": until // 1000,
        }
        if chunk.updates:
            item["updates"] = chunk.updates
        call(self.client.put_item, TableName=self.table, Item=to_attributes(item))

    def chunks(self, task_id: str) -> list[LiveChunk]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_attributes(
                {":pk": live_partition(task_id), ":prefix": CHUNK_PREFIX}
            ),
        )
        return [to_chunk(item) for page in call(list, pages) for item in page["Items"]]


def to_chunk(item: dict[str, Any]) -> LiveChunk:
    """A stored chunk."""
    values = from_attributes(item)
    turn, fence, number = (int(part) for part in values["sk"].removeprefix(CHUNK_PREFIX).split("#"))
    progress, updates = to_progress(values["progress"]), values.get("updates", "")
    return LiveChunk(turn, fence, number, values["text"], progress, updates)
