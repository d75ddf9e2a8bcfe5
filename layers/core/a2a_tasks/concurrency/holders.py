"""Who holds a running task: its worker, as long as that process's lease lives."""

from dataclasses import dataclass

from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease
from a2a_tasks.domain.task import Lane, Task
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.workers import Workers


@dataclass(frozen=True)
class Holders:
    """Asks for, and decides about, the workers that hold tasks. All methods raise ``StoreUnavailable``."""

    workers: Workers
    clock: Clock

    def lease(self, task: Task) -> Lease | None:
        """The lease under which somebody may be at a task, also at an ended one whose end was another's; None
        if nobody is any more."""
        if task.held_by is None or task.lane is Lane.BATCH:
            return None
        return self._living(self.workers.lease(task.held_by), task)

    def tell(self, task: Task) -> bool:
        """Let whoever holds a task look at it with its next heartbeat; whether there is somebody."""
        if task.held_by is None or task.lane is Lane.BATCH:
            return False
        return self._living(self.workers.note(task.held_by, task.ref.task_id), task) is not None

    def take(self, task: Task, message_id: str | None = None) -> int | None:
        """Make sure that nobody holds a running task any more. None if so: its worker's lease is over and can
        not be renewed, and who calls may go on under the fence seen. Else when to ask again.

        A message that is back says by SQS's own clock that its worker has not hidden it for the length of a
        lease (``message_id``, if the task was claimed with it). All others allow for a clock that is behind.
        """
        lease = self.workers.lease(task.held_by) if task.held_by else None
        if lease is None or not lease.covers(task):
            return None
        now = self.clock.now()
        is_own = message_id is not None and message_id == task.message_id
        over_at = lease.until + (0 if is_own else CLOCKS_APART_MS)
        if now < over_at:
            return over_at
        return None if self.workers.break_off(lease) else now

    def _living(self, lease: Lease | None, task: Task) -> Lease | None:
        """None for good: a lease that is found to be over is broken, or its worker might come back to it."""
        if lease is None or not lease.covers(task):
            return None
        is_dead = lease.is_over(self.clock.now()) and self.workers.break_off(lease)
        return None if is_dead else lease
