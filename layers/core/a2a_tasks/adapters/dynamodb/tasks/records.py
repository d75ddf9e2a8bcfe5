"""Records of tasks, and daily spend of projects, in the tasks table."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.ids import shard
from a2a_tasks.domain.record_keys import FIRST_RECORD
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SPEND_KEPT_SECONDS = 400 * 24 * 3600
"""Time to live of a day's spend."""
SPEND_SHARDS = 4
"""Items per project and day. One takes 1,000 writes a second, and each turn is a write; all are read
together, so there are no more than needed. Must never shrink: what the removed shards hold would be
forgotten."""


@dataclass(frozen=True)
class DynamoDBRecords:
    """``RecordStore``: one item per record, in the partition of what its task owns."""

    client: "DynamoDBClient"
    table: str
    kept_ms: int
    """Longest life and retention of a task (milliseconds), for the time to live: older records belong to
    no task."""

    def put_record(self, task_id: str, fence: int, record: Record) -> bool:
        """Protects what a later worker has written: a lower fence never overwrites a higher one."""
        return self._put(task_id, fence, record, "attribute_not_exists(pk) OR fence <= :fence") is None

    def put_record_once(self, task_id: str, fence: int, record: Record) -> Record | None:
        """Protects the first record: of two answers to one question only the first counts."""
        item = self._put(task_id, fence, record, "attribute_not_exists(pk)")
        return None if item is None else _to_record(item)

    def record(self, task_id: str, key: str) -> Record | None:
        answer = call(
            self.client.get_item,
            TableName=self.table,
            Key=to_attributes({"pk": task_items.owned_partition(task_id), "sk": key}),
            ConsistentRead=True,
        )
        return _to_record(answer["Item"]) if "Item" in answer else None

    def records(self, task_id: str) -> list[Record]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk >= :first",
            ExpressionAttributeValues=to_attributes(
                {":pk": task_items.owned_partition(task_id), ":first": FIRST_RECORD}
            ),
            ConsistentRead=True,
        )
        return [_to_record(item) for page in call(list, pages) for item in page["Items"]]

    def _put(self, task_id: str, fence: int, record: Record, condition: str) -> dict[str, Any] | None:
        """None if written, otherwise the existing item."""
        item = {"pk": task_items.owned_partition(task_id), "sk": record.key, "fence": fence}
        item |= {"payload": task_items.payload_value(record.payload)}
        item["ttl"] = task_items.kept_until(task_id, self.kept_ms)
        values = {"ExpressionAttributeValues": to_attributes({":fence": fence})} if ":" in condition else {}
        try:
            call(
                self.client.put_item,
                TableName=self.table,
                Item=to_attributes(item),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **values,
            )
        except ClientError as error:
            found: dict[str, Any] = error.response["Item"]  # type: ignore[typeddict-item]
            return found
        return None


@dataclass(frozen=True)
class DynamoDBSpend:
    """``SpendStore``: several items per project and day, each in its own partition, to spread the writes."""

    client: "DynamoDBClient"
    table: str

    def add_spend(self, project_id: str, day: str, usage: Usage, task_id: str = "") -> None:
        begins = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        call(
            self.client.update_item,
            TableName=self.table,
            Key=_spend_key(project_id, day, shard(task_id) % SPEND_SHARDS),
            UpdateExpression="ADD costUsd :cost, tokens :tokens SET #ttl = :ttl",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=to_attributes(
                {
                    ":cost": usage.cost_usd or Decimal(0),
                    ":tokens": usage.tokens,
                    ":ttl": int(begins) + SPEND_KEPT_SECONDS,
                }
            ),
        )

    def spend(self, project_id: str, day: str) -> Usage:
        keys = [_spend_key(project_id, day, number) for number in range(SPEND_SHARDS)]
        request: Any = {self.table: {"Keys": keys, "ConsistentRead": True}}
        answer = call(self.client.batch_get_item, RequestItems=request)
        if answer.get("UnprocessedKeys"):
            raise StoreUnavailable("what the project has spent was not read whole")
        items = [from_attributes(item) for item in answer["Responses"].get(self.table, [])]
        return Usage(
            input_tokens=sum(int(item["tokens"]) for item in items),
            cost_usd=sum((item["costUsd"] for item in items), Decimal(0)),
        )


def _spend_key(project_id: str, day: str, number: int) -> dict[str, Any]:
    """The first shard has the key of releases with a single item, so that its count continues."""
    return to_attributes({"pk": f"SPEND#{project_id}" + (f"#{number}" if number else ""), "sk": day})


def _to_record(item: dict[str, Any]) -> Record:
    values = from_attributes(item)
    task_id = values["pk"].removeprefix(task_items.owned_partition(""))
    return Record(values["sk"], task_items.to_payload(task_id, values["payload"]))
