"""Workers that take direct messages, in the tasks table: one small item each, in one partition."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.domain.taker import Taker

PARTITION = "TAKERS"
TTL_SECONDS = 3_600
"""The table's TTL deletes what a worker that died has left, if no other worker does."""


@dataclass(frozen=True)
class DynamoDBTakers(Store):
    """``Takers``."""

    def put(self, taker: Taker) -> None:
        # no condition: a worker only writes its own entry, and the last write wins
        values = {"tasks": taker.tasks, "room": taker.room, "until": taker.until}
        self._put(_key(taker.taker_id) | values | {"ttl": taker.until // 1000 + TTL_SECONDS})

    def leave(self, taker_id: str) -> None:
        self._delete(_key(taker_id))

    def listed(self, limit: int) -> list[Taker]:
        # eventually consistent, at half the price: senders cache the list anyway (FRESH_MS)
        items, _ = self._query("pk = :pk", {"pk": PARTITION}, Limit=limit)
        return [_taker(item) for item in items]


def _key(taker_id: str) -> Item:
    return {"pk": PARTITION, "sk": taker_id}


def _taker(item: Item) -> Taker:
    return Taker(item["sk"], int(item["tasks"]), int(item["room"]), int(item["until"]))
