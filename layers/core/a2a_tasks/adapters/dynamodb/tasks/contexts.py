"""Conversations in the tasks table: one partition each, one entry per task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks.task_items import TASK_PREFIX, kept_until
from a2a_tasks.domain.task import ContextRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class DynamoDBContexts:
    """``ContextStore``."""

    client: "DynamoDBClient"
    table: str
    kept_ms: int = 0
    """Longest life and retention of a task (milliseconds), for the time to live: older entries belong to
    no task. Only needed to add entries."""

    def add(self, context: ContextRef, task_id: str) -> None:
        """Needs no condition: repeated writes are identical."""
        item = _key(context, task_id) | to_attributes({"ttl": kept_until(task_id, self.kept_ms)})
        call(self.client.put_item, TableName=self.table, Item=item)

    def newest(self, context: ContextRef, before: str, limit: int) -> list[str]:
        return self._query(context, "sk < :bound", before, limit, forward=False)[::-1]

    def page(self, context: ContextRef, after: str | None, limit: int) -> list[str]:
        return self._query(context, "sk > :bound", after or "", limit, forward=True)

    def remove(self, context: ContextRef, task_id: str) -> None:
        call(self.client.delete_item, TableName=self.table, Key=_key(context, task_id))

    def _query(
        self, context: ContextRef, condition: str, bound: str, limit: int, *, forward: bool
    ) -> list[str]:
        answer = call(
            self.client.query,
            TableName=self.table,
            KeyConditionExpression=f"pk = :pk AND {condition}",
            ExpressionAttributeValues=to_attributes(
                {":pk": _partition(context), ":bound": f"{TASK_PREFIX}{bound}"}
            ),
            ConsistentRead=True,
            ScanIndexForward=forward,
            Limit=limit,
        )
        return [_task_id(item) for item in answer["Items"]]


def _partition(context: ContextRef) -> str:
    return f"CONTEXT#{context.agent_id}#{context.context_id}"


def _key(context: ContextRef, task_id: str) -> dict[str, Any]:
    return to_attributes({"pk": _partition(context), "sk": f"{TASK_PREFIX}{task_id}"})


def _task_id(item: Mapping[str, Any]) -> str:
    task_id: str = item["sk"]["S"].removeprefix(TASK_PREFIX)
    return task_id
