"""The tasks' table as a stream of changes, and Lambda's processing of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from a2a_tasks.domain.webhooks.push import StatusChange
from tests.twins.faults.failpoints import Crash
from tests.twins.stores.tasks import Change, MemoryTaskStore

type Notify = Callable[[Sequence[StatusChange | None]], int | None]


@dataclass
class MemoryStream:
    """Changes in the order in which they were made; those before ``position`` are processed."""

    store: MemoryTaskStore
    position: int = 0

    def deliver(self, notify: Notify) -> bool:
        """One invocation with all unprocessed changes; returns whether none is left. A failed change is
        retried together with all later ones."""
        batch = self.store.changes[self.position :]
        try:
            failed = notify([status_change(change) for change in batch])
        except Crash:
            return False
        self.position += len(batch) if failed is None else failed
        return failed is None


def status_change(change: Change) -> StatusChange | None:
    """What passes the filter of the notifier's event source."""
    before, after = change.before, change.after
    if before is None or not after.notifies or before.status is after.status:
        return None
    return StatusChange(after, before.status)
