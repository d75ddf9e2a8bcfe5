"""How many messages wait in the queue, asked for only now and then."""

import threading

from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.queue import QueueLength

FRESH_MS = 10_000


class Backlog:
    """Thread-safe."""

    def __init__(self, queue: QueueLength, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._lock = threading.Lock()
        self._count, self._fresh_until = 0, 0

    def waiting(self) -> int:
        """About how many, some seconds ago at most. Raises ``QueueUnavailable``."""
        with self._lock:
            now = self._clock.now()
            if self._fresh_until <= now:
                self._count, self._fresh_until = self._queue.waiting(), now + FRESH_MS
            return self._count
