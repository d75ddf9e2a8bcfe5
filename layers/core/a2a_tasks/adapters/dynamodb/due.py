"""What is due beside tasks: workers and lines, each kind in one partition of the index ``due``."""

from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.calls import call

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def due_keys(client: "DynamoDBClient", table: str, shard: str, now: int, limit: int) -> list[dict[str, Any]]:
    """The keys of up to ``limit`` entries that are due by now (Unix milliseconds), the longest due first.
    Raises ``StoreUnavailable``."""
    answer = call(
        client.query,
        TableName=table,
        IndexName="due",
        KeyConditionExpression="dueShard = :shard AND dueAt <= :now",
        ExpressionAttributeValues=to_attributes({":shard": shard, ":now": now}),
        Limit=limit,
    )
    items: list[dict[str, Any]] = answer["Items"]
    return items
