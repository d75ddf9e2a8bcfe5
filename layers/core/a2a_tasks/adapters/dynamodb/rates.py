"""What callers have used of their rates, in the tasks' table: one item a bucket, two numbers in it."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.rates import Bucket, TakeResult

TTL_GRACE_SECONDS = 24 * 3600
"""So long after it is whole again the table's TTL may delete a bucket: a missing one is whole."""


@dataclass(frozen=True)
class DynamoDBRates(Store):
    """``RateStore``."""

    def take(self, bucket: Bucket, rate: Rate, count: int, now: int, seen: int = 0) -> TakeResult:
        """Expressions know no maximum, so there is one write for a bucket that is whole and one for another.
        What was seen of it decides which is tried first, and a refusal brings the truth. Of a write that the
        SDK repeats twice as much is taken, or the last of it refused: it comes back with time.
        """
        key = {"pk": f"RATE#{bucket.key_id}", "sk": bucket.kind.value}
        # a bucket known to be exhausted is refused without a write, because ``tat`` never falls
        taking, latest, cost = TakeResult(False, seen, 0), rate.latest(count, now), count * rate.interval
        while not taking.is_granted and max(taking.tat, now) <= latest:
            # the refusal returns the bucket, so the second attempt has the right form
            is_whole = taking.tat <= now
            update = _of_whole(now, cost) if is_whole else _of_used(now, latest, cost)
            is_granted, item = self._update(key, update.add(total=count), "UPDATED_NEW")
            taking = TakeResult(is_granted, int(item.get("tat", 0)), int(item.get("total", 0)))
        return taking


def _of_whole(now: int, cost: int) -> ItemUpdate:
    """Protects what others have taken: the bucket must still be whole."""
    update = ItemUpdate().set(tat=now + cost, ttl=_ttl(now + cost))
    return update.when("attribute_not_exists(tat)", "tat <= :now", now=now)


def _of_used(now: int, latest: int, cost: int) -> ItemUpdate:
    """Protects the limit, whoever takes at the same moment: so many must still be there."""
    # an upper bound of the new ``tat``, which is not returned
    update = ItemUpdate().assign("tat = tat + :cost", cost=cost).set(ttl=_ttl(latest + cost))
    return update.when("tat > :now AND tat <= :latest", now=now, latest=latest)


def _ttl(whole_at: int) -> int:
    """Seconds, like every ``ttl``."""
    return whole_at // 1_000_000 + TTL_GRACE_SECONDS
