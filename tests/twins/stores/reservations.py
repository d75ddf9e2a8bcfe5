"""Idempotency keys in memory."""

import threading
from dataclasses import dataclass, field

from a2a_tasks.ports.tasks import Reservation


@dataclass
class MemoryReservations:
    """``ReservationStore``, atomic under one lock."""

    kept: dict[tuple[str, str, str], Reservation] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(
        self,
        project_id: str,
        scope: str,
        key: str,
        wanted: Reservation,
        now: int,
        replaced: str | None = None,
    ) -> Reservation:
        with self._lock:
            held = self.kept.get((project_id, scope, key))
            if held is None or held.until <= now or held.task_id == replaced:
                self.kept[project_id, scope, key] = held = wanted
            return held
