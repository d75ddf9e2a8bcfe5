"""Number of an agent's tasks that have not begun, from an index that contains exactly these.

Counting a long line reads thousands of entries. So one process at a time counts, every two seconds, and
stores the result for all. It is not a running total, so a crash cannot leave it wrong.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call, call_if
from a2a_tasks.adapters.dynamodb.tasks import task_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXACT = 200
"""Up to this limit every call counts: at most four read units."""
GOOD_FOR_MS = 2_000
"""Validity of a stored count. Tasks created within it may exceed the limit."""
KEPT_SECONDS = 24 * 3_600


@dataclass(frozen=True)
class DynamoDBPending:
    """Counts pending tasks. All methods raise ``StoreUnavailable``."""

    client: "DynamoDBClient"
    table: str

    def count(self, agent_id: str, limit: int, now: int) -> int:
        """As ``TaskStore.count_pending``."""
        if limit <= EXACT:
            return self._count(agent_id, limit)
        known = self._known(agent_id)
        if known is not None and not self._is_ours_to_count(agent_id, known, now):
            return min(limit, int(known["count"]))
        count = self._count(agent_id, limit)
        self._note(agent_id, count, now)
        return count

    def _known(self, agent_id: str) -> dict[str, Any] | None:
        answer = call(self.client.get_item, TableName=self.table, Key=_key(agent_id))
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def _is_ours_to_count(self, agent_id: str, known: dict[str, Any], now: int) -> bool:
        """Protects the index from concurrent counts: the count seen has expired, and no other process has
        begun a new one. If this process crashes, the old count is used for another period."""
        if now < known["until"] <= now + GOOD_FOR_MS:  # a later time was set by a wrong clock
            return False
        answer = call_if(
            self.client.update_item,
            TableName=self.table,
            Key=_key(agent_id),
            UpdateExpression="SET #until = :then",
            ConditionExpression="#until = :seen",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues=to_attributes({":then": now + GOOD_FOR_MS, ":seen": known["until"]}),
        )
        return answer is not None

    def _note(self, agent_id: str, count: int, now: int) -> None:
        """Needs no condition: concurrent counts are about equal."""
        call(
            self.client.update_item,
            TableName=self.table,
            Key=_key(agent_id),
            UpdateExpression="SET #count = :count, #until = :until, #ttl = :ttl",
            ExpressionAttributeNames={"#count": "count", "#until": "until", "#ttl": "ttl"},
            ExpressionAttributeValues=to_attributes(
                {":count": count, ":until": now + GOOD_FOR_MS, ":ttl": now // 1000 + KEPT_SECONDS}
            ),
        )

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
                "Select": "COUNT",
            }
            while count < limit:
                answer = call(self.client.query, TableName=self.table, **query, Limit=limit - count)
                count += answer["Count"]
                if "LastEvaluatedKey" not in answer:
                    break
                query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return count


def _key(agent_id: str) -> dict[str, Any]:
    return to_attributes({"pk": f"PENDING#{agent_id}", "sk": "COUNT"})
