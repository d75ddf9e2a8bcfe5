"""Push configurations in the tasks' table: one item each, in the partition of what their task owns."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.record_keys import CONFIG, config_key
from a2a_tasks.domain.webhooks.push import PushFormat, StoredPushConfig


@dataclass(frozen=True)
class DynamoDBPushConfigs(Store):
    """``PushConfigStore`` and ``PushConfigIds``."""

    def put(self, task_id: str, config: StoredPushConfig, until: int) -> None:
        """Without a condition: whoever comes last has the id. Clean-up deletes it with the task; the TTL is
        for one whose task was never created, or is gone already."""
        values = {
            "url": config.url,
            "format": config.format.value,
            "scheme": config.scheme,
            "sealed": config.sealed,
            "createdAt": config.created_at,
            "ttl": until // 1000,
        }
        self._put(_key(task_id, config.config_id) | values)

    def get(self, task_id: str, config_id: str) -> StoredPushConfig | None:
        item = self._get(_key(task_id, config_id))
        return _to_config(item) if item else None

    def all(self, task_id: str) -> list[StoredPushConfig]:
        return [_to_config(item) for item in self._items(task_items.owned_partition(task_id), CONFIG)]

    def ids(self, task_id: str) -> list[str]:
        partition = task_items.owned_partition(task_id)
        return [_id_of(item) for item in self._items(partition, CONFIG, ProjectionExpression="sk")]

    def delete(self, task_id: str, config_id: str) -> None:
        self._delete(_key(task_id, config_id))


def _key(task_id: str, config_id: str) -> Item:
    return task_items.owned_key(task_id, config_key(config_id))


def _id_of(item: Item) -> str:
    return str(item["sk"].removeprefix(CONFIG))


def _to_config(values: Item) -> StoredPushConfig:
    return StoredPushConfig(
        config_id=_id_of(values),
        url=values["url"],
        format=PushFormat(values["format"]),
        scheme=values.get("scheme"),
        sealed=bytes(values["sealed"]) if "sealed" in values else None,
        created_at=int(values.get("createdAt", 0)),
    )
