"""The delivery status of a task's notifications, for its caller."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Task
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, pending
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.webhooks import DeliveryLog, PushConfigStore

MOST = 500
"""The newest notes of a task that are read."""


@dataclass(frozen=True)
class DeliveryStatusReader:
    """Reads what became of a task's notifications. Raises ``StoreUnavailable``."""

    configs: PushConfigStore
    log: DeliveryLog
    clock: Clock

    def of(self, task: Task) -> list[DeliveryNote]:
        """Attempted and pending deliveries, ordered by time."""
        if not task.notifies:
            return []
        task_id = task.ref.task_id
        noted = self.log.notes(task_id, MOST)
        due = pending(task, self.configs.all(task_id), noted, self.clock.now())
        if len(noted) == MOST:  # older deliveries have notes too
            due = [note for note in due if note.at > noted[-1].at]
        return sorted([*noted, *due], key=lambda note: (note.at, note.config_id))
