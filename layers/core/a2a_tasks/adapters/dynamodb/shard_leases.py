"""Which process is at a shard of the index ``due``, in the table of tasks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.calls import call_if
from a2a_tasks.adapters.dynamodb.update import Update, when

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TTL_SECONDS = 3_600
"""After its end the table's TTL deletes the lease of a process that did not give it back."""


@dataclass(frozen=True)
class DynamoDBShardLeases:
    """``ShardLeases``: an item a shard, only while somebody is at it."""

    client: "DynamoDBClient"
    table: str

    def take(self, shard: int, holder: str, now: int, until: int) -> bool:
        """Protects the work of who has it."""
        lease = Update().set(holder=holder, until=until, ttl=until // 1000 + TTL_SECONDS)
        lease = lease.when("attribute_not_exists(pk)", "#holder = :holder", "#until <= :now", now=now)
        answer = call_if(self.client.update_item, TableName=self.table, Key=_key(shard), **lease.arguments())
        return answer is not None

    def give_back(self, shard: int, holder: str) -> None:
        """Protects who has taken it over."""
        call_if(
            self.client.delete_item,
            TableName=self.table,
            Key=_key(shard),
            **when("#holder = :holder", holder=holder),
        )


def _key(shard: int) -> dict[str, Any]:
    return to_attributes({"pk": f"SWEEP#{shard}", "sk": "LEASE"})
