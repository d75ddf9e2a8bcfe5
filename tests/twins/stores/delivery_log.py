"""Notes about deliveries in memory."""

from dataclasses import replace

from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState


class MemoryDeliveryLog:
    """``DeliveryLog``."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[tuple[int, str, str], DeliveryNote]] = {}

    def note(self, task_id: str, note: DeliveryNote, until: int) -> None:  # noqa: ARG002  nothing passes here
        kept = self.kept.setdefault(task_id, {})
        key = note.at, note.status.value, note.config_id
        before = kept.get(key)
        if before is None or before.state is not DeliveryState.DELIVERED:
            kept[key] = replace(note, tries=note.tries + (before.tries if before else 0))

    def notes(self, task_id: str, limit: int) -> list[DeliveryNote]:
        return [note for _, note in sorted(self.kept.get(task_id, {}).items(), reverse=True)][:limit]
