"""The paces in memory."""

import threading
from collections import Counter
from dataclasses import replace

from a2a_tasks.domain.overload.pace import Pace, PaceKey
from a2a_tasks.ports.model import PaceTurn


class MemoryPaces:
    """``PaceStore``, atomic under one lock. ``calls`` counts its calls."""

    def __init__(self) -> None:
        self.paces: dict[PaceKey, Pace] = {}
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def pace(self, pace_key: PaceKey) -> Pace | None:
        self.calls["pace"] += 1
        return self.paces.get(pace_key)

    def put(self, pace_key: PaceKey, seen: Pace | None, pace: Pace) -> Pace | None:
        with self._lock:
            self.calls["put"] += 1
            current = self.paces.get(pace_key)
            if _setting(current) == _setting(seen):
                kept = current.urgent_until if current else 0
                self.paces[pace_key] = replace(pace, urgent_until=kept)
            return self.paces.get(pace_key)

    def take(self, pace_key: PaceKey, seen: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        with self._lock:
            self.calls["take"] += 1
            current = self.paces.get(pace_key)
            if current is None or current.next_at > now or _setting(current) != _setting(seen):
                return PaceTurn(False, current)
            if not is_urgent and current.urgent_until > now:
                return PaceTurn(False, current)
            next_at = now + seen.count_at(now) * seen.gap_at(now)
            self.paces[pace_key] = replace(current, next_at=next_at)
            return PaceTurn(True, self.paces[pace_key])

    def note_urgent(self, pace_key: PaceKey, until: int) -> None:
        with self._lock:
            self.calls["note_urgent"] += 1
            if pace_key in self.paces:
                self.paces[pace_key] = replace(self.paces[pace_key], urgent_until=until)


def _setting(pace: Pace | None) -> tuple[int, int | None] | None:
    return None if pace is None else (pace.set_at, pace.taken_at)
