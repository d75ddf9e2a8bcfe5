"""Idempotency keys in the tasks table, each in its own partition to spread the load."""

import hashlib
from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemCondition, when
from a2a_tasks.ports.tasks import Reservation


@dataclass(frozen=True)
class DynamoDBReservations(Store):
    """``ReservationStore``."""

    def reserve(
        self,
        project_id: str,
        scope: str,
        key: str,
        wanted: Reservation,
        now: int,
        replaced: str | None = None,
    ) -> Reservation:
        """Protects the earlier reservation until it expires, or from all but who has seen it and replaces it.
        The table's TTL deletes it later."""
        item = reservation_item(project_id, scope, key, wanted)
        is_new, there = self._put(item, is_free(now, replaced))
        if is_new:
            return wanted
        return Reservation(there["taskId"], there["digest"], int(there["until"]), there.get("callId"))


def reservation_item(project_id: str, scope: str, key: str, wanted: Reservation) -> Item:
    """The item of a reservation."""
    # hashed, because a key is arbitrary and possibly sensitive text
    digest = hashlib.sha256(f"{scope}\n{key}".encode()).hexdigest()
    return {
        "pk": f"IDEMPOTENCY#{project_id}#{digest}",
        "sk": "RESERVATION",
        "taskId": wanted.task_id,
        "digest": wanted.digest,
        "until": wanted.until,
        "ttl": wanted.until // 1000,
        "callId": wanted.call_id,
    }


def is_free(now: int, replaced: str | None = None) -> ItemCondition:
    """The condition of a reservation: there is no earlier one that is valid ``now`` (Unix milliseconds), or
    it is that of the task ``replaced``."""
    if replaced is None:
        # TTL deletes it hours or days late, so the condition checks its time too
        return when("attribute_not_exists(pk)", "#until <= :now", now=now)
    return when("attribute_not_exists(pk)", "#until <= :now", "taskId = :seen", now=now, seen=replaced)
