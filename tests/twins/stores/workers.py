"""Worker leases in memory."""

import threading
from dataclasses import dataclass, replace

from a2a_tasks.domain.lease import Lease, LeaseNotes

MOST_NOTES = 50


@dataclass
class _Row:
    lease: Lease
    notes: LeaseNotes


class MemoryWorkers:
    """``Workers``, atomic under one lock. ``renewals`` are those that took effect, in their order."""

    def __init__(self) -> None:
        self.rows: dict[str, _Row] = {}
        self.renewals: list[Lease] = []
        self._lock = threading.RLock()

    def open(self, lease: Lease) -> None:
        with self._lock:
            self.rows.setdefault(lease.worker_id, _Row(lease, LeaseNotes()))

    def renew(self, lease: Lease) -> LeaseNotes | None:
        with self._lock:
            row = self.rows.get(lease.worker_id)
            if row is None or row.lease.is_broken:
                return None
            if row.lease.until > lease.until:
                return LeaseNotes()
            self.rows[lease.worker_id] = _Row(lease, LeaseNotes())
            self.renewals.append(lease)
            return LeaseNotes(everything=True) if row.lease.until == lease.until else row.notes

    def lease(self, worker_id: str) -> Lease | None:
        row = self.rows.get(worker_id)
        return row.lease if row else None

    def break_lease(self, lease: Lease) -> bool:
        with self._lock:
            row = self.rows.get(lease.worker_id)
            if row is None or row.lease.is_broken:
                return True
            if row.lease.until != lease.until:
                return False
            row.lease = replace(row.lease, is_broken=True)
            return True

    def note(self, worker_id: str, task_id: str) -> Lease | None:
        with self._lock:
            row = self.rows.get(worker_id)
            if row is None or row.lease.is_broken:
                return None
            if len(row.notes.task_ids) < MOST_NOTES:
                row.notes = replace(row.notes, task_ids=row.notes.task_ids | {task_id})
            else:
                row.notes = replace(row.notes, everything=True)
            return row.lease

    def due(self, now: int, limit: int) -> list[str]:
        leases = [row.lease for row in self.rows.values()]
        due = [lease for lease in leases if lease.due_at is not None and lease.due_at <= now]
        return [lease.worker_id for lease in sorted(due, key=lambda lease: lease.due_at or 0)][:limit]

    def forget(self, worker_id: str) -> None:
        with self._lock:
            row = self.rows.get(worker_id)
            if row is not None and row.lease.is_broken:
                del self.rows[worker_id]
