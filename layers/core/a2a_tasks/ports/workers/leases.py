"""Leases of worker processes, and leases of shards for processes that share a sweep."""

from typing import Protocol

from a2a_tasks.domain.lease import Lease, LeaseNotes


class Workers(Protocol):
    """Leases of worker processes. All methods raise ``StoreUnavailable``."""

    def open(self, lease: Lease) -> None:
        """Start a lease under a fresh id. Idempotent."""
        ...

    def renew(self, lease: Lease) -> LeaseNotes | None:
        """Extend a lease and take the notes left for its worker.

        Of two renewals that arrive out of order the later one wins.

        Returns:
            The notes; everything if an earlier try of this renewal, whose response was lost, has taken them.
            None if the lease was broken or deleted: then the worker no longer holds its tasks.
        """
        ...

    def lease(self, worker_id: str) -> Lease | None:
        """The lease as last written (a consistent read), or None."""
        ...

    def break_lease(self, lease: Lease) -> bool:
        """End an expired lease for good, so that no late renewal can revive it.

        Returns:
            False if the lease was renewed since ``lease`` was read.
        """
        ...

    def note(self, worker_id: str, task_id: str) -> Lease | None:
        """Leave a note that a worker must read a task again; its next renewal takes the note.

        Returns:
            The lease as it is, or None if it was broken or deleted.
        """
        ...

    def due(self, now: int, limit: int) -> list[str]:
        """Ids of up to ``limit`` workers with ``due_at <= now`` (Unix milliseconds), the longest due first.
        From an index: the lease itself decides."""
        ...

    def forget(self, worker_id: str) -> None:
        """Delete a broken lease. Idempotent."""
        ...


class ShardLeases(Protocol):
    """Which process sweeps a shard. All methods raise ``StoreUnavailable``."""

    def take(self, shard: int, holder: str, now: int, until: int) -> bool:
        """Take a shard until ``until``, or extend one's own lease of it (times in Unix milliseconds). False
        if another process holds it at ``now``."""
        ...

    def give_back(self, shard: int, holder: str) -> None:
        """Release a shard. Idempotent; a lease of another process is left alone."""
        ...


class Helpers(Protocol):
    """Starts further processes for a sweep."""

    def start(self, shard: int) -> bool:
        """Request another process that sweeps a shard. The request may be lost or run twice. False if it was
        not accepted."""
        ...
