"""The leases of worker processes, and how several processes share one sweep."""

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


class ShardLeases(Protocol):
    """Which process is at a shard. All methods raise ``StoreUnavailable``."""

    def take(self, shard: int, holder: str, now: int, until: int) -> bool:
        """Have a shard for oneself until then (Unix milliseconds), or for longer than before; False if
        another has it at ``now``."""
        ...

    def give_back(self, shard: int, holder: str) -> None:
        """Idempotent; what another has stays."""
        ...


class Helpers(Protocol):
    def call(self, shard: int) -> bool:
        """Ask for another process that sweeps a shard; False if it was not taken on. It may be lost, and it
        may come twice."""
        ...
