"""Which process sweeps a shard of the index ``due``, in the tasks table."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate, when

TTL_SECONDS = 3_600
"""After its end the table's TTL deletes the lease of a process that did not give it back."""


@dataclass(frozen=True)
class DynamoDBShardLeases(Store):
    """``ShardLeases``: one item per shard, which exists only while the shard is swept."""

    def take(self, shard: int, holder: str, now: int, until: int) -> bool:
        """Protects the work of who has it."""
        lease = ItemUpdate().set(holder=holder, until=until, ttl=until // 1000 + TTL_SECONDS)
        # the holder's own lease may be taken again: it is extended with each page, and calls may be retried
        lease = lease.when("attribute_not_exists(pk)", "#holder = :holder", "#until <= :now", now=now)
        return self._update(_key(shard), lease).is_made

    def give_back(self, shard: int, holder: str) -> None:
        """Protects who has taken it over."""
        self._delete(_key(shard), when("#holder = :holder", holder=holder))


def _key(shard: int) -> Item:
    return {"pk": f"SWEEP#{shard}", "sk": "LEASE"}
