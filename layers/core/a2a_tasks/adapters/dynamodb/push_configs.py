"""Push configurations in the tasks' table: one item each, in the partition of what their task owns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.record_keys import CONFIG, config_key
from a2a_tasks.domain.webhooks.push import PushFormat, StoredPushConfig

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class DynamoDBPushConfigs:
    """``PushConfigStore`` and ``PushConfigIds``."""

    client: "DynamoDBClient"
    table: str

    def put(self, task_id: str, config: StoredPushConfig, until: int) -> None:
        """Without a condition: whoever comes last has the id. Clean-up deletes it with the task; the TTL is
        for one whose task was never created, or is gone already."""
        item: dict[str, Any] = {
            "pk": task_items.owned_partition(task_id),
            "sk": config_key(config.config_id),
            "url": config.url,
            "format": config.format.value,
            "ttl": until // 1000,
        }
        if config.scheme is not None:
            item["scheme"] = config.scheme
        if config.sealed is not None:
            item["sealed"] = config.sealed
        self._call(self.client.put_item, Item=to_attributes(item))

    def get(self, task_id: str, config_id: str) -> StoredPushConfig | None:
        answer = self._call(self.client.get_item, Key=_key(task_id, config_id), ConsistentRead=True)
        return _to_config(answer["Item"]) if "Item" in answer else None

    def all(self, task_id: str) -> list[StoredPushConfig]:
        return [_to_config(item) for item in self._items(task_id)]

    def ids(self, task_id: str) -> list[str]:
        return [_id_of(item) for item in self._items(task_id, ProjectionExpression="sk")]

    def delete(self, task_id: str, config_id: str) -> None:
        self._call(self.client.delete_item, Key=_key(task_id, config_id))

    def _items(self, task_id: str, **projection: str) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": to_attributes(
                {":pk": task_items.owned_partition(task_id), ":prefix": CONFIG}
            ),
            "ConsistentRead": True,
            **projection,
        }
        while True:
            answer = self._call(self.client.query, **query)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        return call(operation, TableName=self.table, **arguments)


def _key(task_id: str, config_id: str) -> dict[str, Any]:
    return to_attributes({"pk": task_items.owned_partition(task_id), "sk": config_key(config_id)})


def _id_of(item: dict[str, Any]) -> str:
    sort_key: str = item["sk"]["S"]
    return sort_key.removeprefix(CONFIG)


def _to_config(item: dict[str, Any]) -> StoredPushConfig:
    values = from_attributes(item)
    return StoredPushConfig(
        config_id=_id_of(item),
        url=values["url"],
        format=PushFormat(values["format"]),
        scheme=values.get("scheme"),
        sealed=bytes(values["sealed"]) if "sealed" in values else None,
    )
