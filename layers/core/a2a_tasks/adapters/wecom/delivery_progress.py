"""How far answers are that are sent in parts: one item each, in the partition of what their task owns."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.domain.record_keys import delivery_key
from a2a_tasks.wecom.ports import DeliveryProgress, DeliveryProgressRef

TTL_SECONDS = 7 * 24 * 3600
"""An answer is on its way for hours at most."""


@dataclass(frozen=True)
class DynamoDBDeliveryProgress(Store):
    """``DeliveryProgressStore``."""

    def hold(self, ref: DeliveryProgressRef, holder: str, now: int, until: int) -> DeliveryProgress | None:
        """One sender at a time, so that parts stay in order and none is sent by two; whoever has died at it
        loses it when its time is over. The same may come again, since the answer may have been lost."""
        hold = ItemUpdate().set(holder=holder, heldUntil=until, ttl=now // 1000 + TTL_SECONDS)
        free = ("attribute_not_exists(heldUntil)", "heldUntil <= :now", "holder = :holder")
        # the hold returns the progress in the same write, so that nothing changes in between
        is_held, item = self._update(_key(ref), hold.when(*free, now=now), "ALL_NEW")
        return DeliveryProgress(int(item.get("sent", 0)), item.get("mediaId")) if is_held else None

    def note(self, ref: DeliveryProgressRef, holder: str, sent: DeliveryProgress) -> bool:
        """Protects what another sender, who took over, has written: only the holder counts on."""
        note = ItemUpdate().set_or_remove(sent=sent.count, mediaId=sent.media_id)
        return self._update(_key(ref), note.when("holder = :holder", holder=holder)).is_made

    def release(self, ref: DeliveryProgressRef, holder: str) -> None:
        """Protects another holder."""
        release = ItemUpdate().remove("holder", "heldUntil").when("holder = :holder", holder=holder)
        self._update(_key(ref), release)


def _key(ref: DeliveryProgressRef) -> Item:
    return task_items.owned_key(ref.task_id, delivery_key(ref.name))
