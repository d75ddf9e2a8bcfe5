"""Places for open streams, in the tasks' table: one item a key, one attribute a place."""

import secrets
from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.ports.rates import PlacesFull, StreamPlace

TRIES = 10
"""Where many take places at the same moment. Each try that fails has seen all of them."""
TTL_SECONDS = 24 * 3600
"""After which the table's TTL may delete a key's places: no stream lasts so long."""


@dataclass(frozen=True)
class DynamoDBOpenStreams(Store):
    """``OpenStreamStore``. Since places are numbered, the item is no larger than the limit allows, and a
    write needs to protect one place only."""

    def take(self, key_id: str, limit: int, now: int, until: int) -> StreamPlace | PlacesFull:
        # in random order, so that concurrent requests seldom try the same place
        place, held = StreamPlace(key_id, secrets.randbelow(limit), until), dict[int, int]()
        for _ in range(TRIES):
            refused = self._take(place, now)
            # the same expiry means that this is an earlier attempt of this write
            if refused is None or refused.get(place.number) == until:
                return place
            held = {number: over for number, over in refused.items() if number < limit and over > now}
            # places above a lowered limit are left to expire
            free = [number for number in range(limit) if number not in held]
            if not free:
                break
            place = StreamPlace(key_id, secrets.choice(free), until)
        return PlacesFull(min(held.values(), default=now))

    def free(self, place: StreamPlace) -> None:
        # refused: the place has expired, or an earlier attempt succeeded
        mine = _of(place).when("#place = :until", until=place.until)
        self._update(_key(place.key_id), mine.remove("#place"))

    def _take(self, place: StreamPlace, now: int) -> dict[int, int] | None:
        """None if the place is held now; else what is held until when."""
        taking = (
            _of(place)
            .assign("#place = :until", until=place.until)
            .set(ttl=place.until // 1000 + TTL_SECONDS)
            .when("attribute_not_exists(#place)", "#place <= :now", now=now)
        )
        is_taken, held = self._update(_key(place.key_id), taking)
        return None if is_taken else {int(n[1:]): int(held[n]) for n in held if n[1:].isdigit()}


def _key(key_id: str) -> Item:
    return {"pk": f"RATE#{key_id}", "sk": "STREAMS"}


def _of(place: StreamPlace) -> ItemUpdate:
    """An update in which ``#place`` is the place's attribute."""
    return ItemUpdate(names={"place": f"p{place.number}"})
