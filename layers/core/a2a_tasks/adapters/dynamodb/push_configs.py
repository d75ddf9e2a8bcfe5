"""Push configurations in the tasks' table: one item each, in the partition of what their task owns."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import ALWAYS, Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.update import ItemCondition, when
from a2a_tasks.domain.record_keys import CONFIG, config_key
from a2a_tasks.domain.webhooks.push import PushFormat, StoredPushConfig


@dataclass(frozen=True)
class DynamoDBPushConfigs(Store):
    """``PushConfigStore`` and ``PushConfigIds``."""

    def put(self, task_id: str, config: StoredPushConfig, until: int) -> None:
        """No condition: the last writer wins. Clean-up deletes it with the task; the TTL covers tasks that
        were never created, or no longer exist."""
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
        # a consistent read: a configuration stored before a change receives it
        partition = task_items.owned_partition(task_id)
        return [_id_of(item) for item in self._items(partition, CONFIG, ProjectionExpression="sk")]

    def delete(self, task_id: str, config_id: str, seen: StoredPushConfig | None = None) -> None:
        """Protects, with ``seen``, the configuration that a caller has put in its place."""
        self._delete(_key(task_id, config_id), ALWAYS if seen is None else _is_still(seen))


def _key(task_id: str, config_id: str) -> Item:
    return task_items.owned_key(task_id, config_key(config_id))


def _is_still(seen: StoredPushConfig) -> ItemCondition:
    """By the time too, since one may be replaced by its like; items of earlier releases have none."""
    has_none = [] if seen.created_at else ["attribute_not_exists(createdAt)"]
    same = when("#url = :url", url=seen.url).when("createdAt = :at", *has_none, at=seen.created_at)
    if seen.sealed is None:
        return same.when("attribute_not_exists(sealed)")
    return same.when("sealed = :sealed", sealed=seen.sealed)


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
