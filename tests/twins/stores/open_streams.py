"""Open streams in memory."""

import threading
from dataclasses import dataclass, field

from a2a_tasks.ports.rates import PlacesFull, StreamPlace


@dataclass
class MemoryOpenStreams:
    """``OpenStreamStore``, atomic under one lock."""

    held: dict[tuple[str, int], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key_id: str, limit: int, now: int, until: int) -> StreamPlace | PlacesFull:
        with self._lock:
            held = [self.held.get((key_id, number), 0) for number in range(limit)]
            free = [number for number, over in enumerate(held) if over <= now]
            if not free:
                return PlacesFull(min(held))
            self.held[key_id, free[0]] = until
            return StreamPlace(key_id, free[0], until)

    def free(self, place: StreamPlace) -> None:
        with self._lock:
            if self.held.get((place.key_id, place.number)) == place.until:
                del self.held[place.key_id, place.number]
