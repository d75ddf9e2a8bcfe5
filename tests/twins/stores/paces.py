"""The paces in memory."""

import threading
from collections import Counter
from dataclasses import replace

from a2a_tasks.domain.pace import Pace, Way
from a2a_tasks.ports.model import PaceTurn


class MemoryPaces:
    """``PaceStore``, atomic under one lock. ``calls`` counts what was asked of it."""

    def __init__(self) -> None:
        self.paces: dict[Way, Pace] = {}
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def pace(self, way: Way) -> Pace | None:
        self.calls["pace"] += 1
        return self.paces.get(way)

    def put(self, way: Way, seen: Pace | None, pace: Pace) -> Pace | None:
        with self._lock:
            self.calls["put"] += 1
            current = self.paces.get(way)
            if _setting(current) == _setting(seen):
                kept = current.urgent_until if current else 0
                self.paces[way] = replace(pace, urgent_until=kept)
            return self.paces.get(way)

    def take(self, way: Way, seen: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        with self._lock:
            self.calls["take"] += 1
            current = self.paces.get(way)
            if current is None or current.next_at > now or _setting(current) != _setting(seen):
                return PaceTurn(False, current)
            if not is_urgent and current.urgent_until > now:
                return PaceTurn(False, current)
            next_at = now + seen.count_at(now) * seen.gap_at(now)
            self.paces[way] = replace(current, next_at=next_at)
            return PaceTurn(True, self.paces[way])

    def note_urgent(self, way: Way, until: int) -> None:
        with self._lock:
            self.calls["note_urgent"] += 1
            if way in self.paces:
                self.paces[way] = replace(self.paces[way], urgent_until=until)


def _setting(pace: Pace | None) -> tuple[int, int | None] | None:
    return None if pace is None else (pace.set_at, pace.taken_at)
