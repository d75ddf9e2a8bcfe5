"""Who holds a running task: its worker, while that process's lease is valid."""

from dataclasses import dataclass

from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease
from a2a_tasks.domain.task import Lane, Task
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.workers.leases import Workers


@dataclass(frozen=True)
class Holders:
    """Reads and breaks the leases of workers that hold tasks. All methods raise ``StoreUnavailable``."""

    workers: Workers
    clock: Clock

    def lease(self, task: Task) -> Lease | None:
        """The valid lease of the worker that may be executing a task, including a task that another process
        has ended. None if there is no such worker."""
        if task.held_by is None or task.lane is Lane.BATCH:
            return None
        return self._living(self.workers.lease(task.held_by), task)

    def notify(self, task: Task) -> bool:
        """Leave a note for the worker that holds the task, which reads the task after its next heartbeat.
        False if no worker holds it."""
        if task.held_by is None or task.lane is Lane.BATCH:
            return False
        # one write leaves the note and returns the lease: a worker that is alive takes the note with its next
        # renewal
        return self._living(self.workers.note(task.held_by, task.ref.task_id), task) is not None

    def take(self, task: Task, message_id: str | None = None) -> int | None:
        """Make sure that no worker holds a running task any more.

        Args:
            task: The running task.
            message_id: The received message. If the task was claimed with it, its return proves by SQS's own
                clock that the worker has not renewed its visibility timeout for a whole lease; otherwise
                clock skew is allowed for.

        Returns:
            None if the worker's lease is over and cannot be renewed: the caller may continue under the fence
            seen. Otherwise when to ask again (Unix milliseconds).
        """
        lease = self.workers.lease(task.held_by) if task.held_by else None
        # a lease exists before any claim; it is deleted only after it was broken, or long after it expired
        if lease is None or not lease.covers(task):
            return None
        now = self.clock.now()
        is_own = message_id is not None and message_id == task.message_id
        # the task's own message has returned, so by SQS's clock a whole visibility timeout has passed since
        # the last renewal
        over_at = lease.until + (0 if is_own else CLOCKS_APART_MS)
        if now < over_at:
            return over_at
        # renewed just now: the worker is alive
        return None if self.workers.break_lease(lease) else now

    def _living(self, lease: Lease | None, task: Task) -> Lease | None:
        """The lease if its worker is alive. Otherwise None for good: an expired lease is broken, or its
        worker might still renew it."""
        if lease is None or not lease.covers(task):
            return None
        is_dead = lease.is_over(self.clock.now()) and self.workers.break_lease(lease)
        return None if is_dead else lease
