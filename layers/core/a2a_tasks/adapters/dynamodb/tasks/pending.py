"""Number of an agent's tasks that have not begun, from an index that contains exactly these.

Counting a long line reads thousands of entries. So one process at a time counts, every two seconds, and
stores the result for all. It is not a running total, so a crash cannot leave it wrong.
"""

from dataclasses import dataclass
from typing import Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.update import ItemUpdate

EXACT = 200
"""Up to this limit every call counts: at most four read units."""
GOOD_FOR_MS = 2_000
"""Validity of a stored count. Tasks created within it may exceed the limit."""
KEPT_SECONDS = 24 * 3_600
"""Time to live of a count that nobody has asked for."""


@dataclass(frozen=True)
class DynamoDBPending(Store):
    """Counts pending tasks. All methods raise ``StoreUnavailable``."""

    def count(self, agent_id: str, limit: int, now: int) -> int:
        """As ``TaskStore.count_pending``."""
        if limit <= EXACT:
            return self._count(agent_id, limit)
        # eventually consistent, at half the price: a count may be two seconds old in any case
        known = self._get(_key(agent_id), consistent=False)
        if known is not None and not self._is_ours_to_count(agent_id, known, now):
            return min(limit, int(known["count"]))
        count = self._count(agent_id, limit)
        self._note(agent_id, count, now)
        return count

    def _is_ours_to_count(self, agent_id: str, known: Item, now: int) -> bool:
        """Protects the index from concurrent counts: the count seen has expired, and no other process has
        begun a new one. If this process crashes, or the SDK repeats the write, the old count is used for
        another period."""
        if now < known["until"] <= now + GOOD_FOR_MS:  # a later time would come from a wrong clock
            return False
        turn = ItemUpdate().set(until=now + GOOD_FOR_MS).when("#until = :seen", seen=known["until"])
        return self._update(_key(agent_id), turn).is_made

    def _note(self, agent_id: str, count: int, now: int) -> None:
        """Needs no condition: concurrent counts are about equal."""
        note = ItemUpdate().set(count=count, until=now + GOOD_FOR_MS, ttl=now // 1000 + KEPT_SECONDS)
        self._update(_key(agent_id), note)

    def _count(self, agent_id: str, limit: int) -> int:
        """Counted up to ``limit``."""
        count = 0
        for number in range(task_items.LIST_SHARDS):
            query: dict[str, Any] = {
                "IndexName": "pending",
                "KeyConditionExpression": "pendingAgent = :pk",
                "ExpressionAttributeValues": to_attributes(
                    {":pk": task_items.list_partition(agent_id, number)}
                ),
                # the index is eventually consistent: a burst may exceed the limit by the tasks created during
                # its lag
                "Select": "COUNT",
            }
            while count < limit:
                answer = self._call(self.client.query, TableName=self.table, **query, Limit=limit - count)
                count += answer["Count"]
                if "LastEvaluatedKey" not in answer:
                    break
                query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return count


def _key(agent_id: str) -> Item:
    return {"pk": f"PENDING#{agent_id}", "sk": "COUNT"}
