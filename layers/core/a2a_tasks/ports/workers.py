"""The leases of worker processes, and the notes that others leave there."""

from typing import Protocol

from a2a_tasks.domain.lease import Lease, Notes


class Workers(Protocol):
    """All methods raise ``StoreUnavailable``."""

    def open(self, lease: Lease) -> None:
        """Begin a lease under an id that nobody has had; the same again changes nothing."""
        ...

    def renew(self, lease: Lease) -> Notes | None:
        """Extend a lease, and take the notes that were left there; None if it was broken, or is gone. Of two
        that come in the wrong order the later one stays."""
        ...

    def lease(self, worker_id: str) -> Lease | None:
        """The lease as last written (a consistent read)."""
        ...

    def break_off(self, lease: Lease) -> bool:
        """End a lease that is over, so that no renewal can follow; False if it was renewed since it was seen
        like this."""
        ...

    def note(self, worker_id: str, task_id: str) -> Lease | None:
        """Leave word that a worker must look at a task; its next renewal takes it. The lease as it is; None
        if it was broken, or is gone."""
        ...

    def due(self, now: int, limit: int) -> list[str]:
        """The ids of up to ``limit`` workers with ``due_at <= now``, the longest due first. It nominates
        only."""
        ...

    def forget(self, worker_id: str) -> None:
        """Delete a broken lease. Idempotent."""
        ...
