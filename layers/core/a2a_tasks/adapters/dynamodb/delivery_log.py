"""Notes on deliveries in the tasks' table: a partition for each task, which the function that delivers may
write, and nothing else of the task."""

from dataclasses import dataclass

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks.task_values import optional_int
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState


@dataclass(frozen=True)
class DynamoDBDeliveryLog(Store):
    """``DeliveryLog``."""

    def note(self, task_id: str, note: DeliveryNote, until: int) -> None:
        """Protects the note of a delivery: a copy of the message may be tried, and fail, after it."""
        # a retry may count attempts twice, which is acceptable for information
        update = ItemUpdate().set(state=note.state.value, ttl=until // 1000).add(tries=note.tries)
        update = update.set_or_remove(
            triedAt=note.tried_at, answer=note.answer, reason=note.reason, nextTryAt=note.next_try_at
        )
        is_open = update.when(
            "attribute_not_exists(pk)", "#state <> :delivered", delivered=DeliveryState.DELIVERED.value
        )
        self._update({"pk": deliveries_partition(task_id), "sk": _name(note)}, is_open)

    def notes(self, task_id: str, limit: int) -> list[DeliveryNote]:
        options = {"ConsistentRead": True, "ScanIndexForward": False, "Limit": limit}
        items, _ = self._query("pk = :pk", {"pk": deliveries_partition(task_id)}, **options)
        return [_to_note(item) for item in items]


def deliveries_partition(task_id: str) -> str:
    """Partition of the notes on a task's deliveries."""
    return f"DELIVERIES#{task_id}"


def _name(note: DeliveryNote) -> str:
    return f"{note.at:014d}#{note.status.value}#{note.config_id}"


def _to_note(item: Item) -> DeliveryNote:
    at, status, config_id = item["sk"].split("#", 2)
    return DeliveryNote(
        config_id=config_id,
        status=Status(status),
        at=int(at),
        state=DeliveryState(item["state"]),
        tries=int(item["tries"]),
        tried_at=optional_int(item.get("triedAt")),
        answer=optional_int(item.get("answer")),
        reason=item.get("reason"),
        next_try_at=optional_int(item.get("nextTryAt")),
    )
