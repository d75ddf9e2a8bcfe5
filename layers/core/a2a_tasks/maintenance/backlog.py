"""Cached length of the task queues."""

import threading

from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.queues import QueueLength

FRESH_MS = 10_000
"""A sweep needs the length for each waiting task, and each read is a request to SQS."""


class Backlog:
    """Number of waiting messages, cached for ``FRESH_MS``. Thread-safe."""

    def __init__(self, queue: QueueLength, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[bool, tuple[int, int]] = {}

    def waiting(self, *, is_urgent: bool) -> int:
        """Approximate number of visible messages. Raises ``QueueUnavailable``."""
        # held during the call, so that concurrent threads share one request
        with self._lock:
            now = self._clock.now()
            count, fresh_until = self._known.get(is_urgent, (0, 0))
            if fresh_until <= now:
                count = self._queue.waiting(is_urgent=is_urgent)
                self._known[is_urgent] = count, now + FRESH_MS
            return count
