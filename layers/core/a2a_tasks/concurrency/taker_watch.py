"""Whether a worker takes tasks directly, as one process knows it."""

import threading

from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.takers import Takers

FRESH_MS = 500
"""Maximum delay until a process notices that the last worker has left the list."""
LINGER_MS = 2 * FRESH_MS
"""How long a worker that has left the list waits for messages on their way."""
FEW = 10
"""Entries that are read; one that has not expired is enough."""


class TakerWatch:
    """The list of takers, cached for ``FRESH_MS``. Thread-safe."""

    def __init__(self, takers: Takers, clock: Clock, telemetry: Telemetry) -> None:
        self._takers = takers
        self._clock = clock
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._open_until = 0
        self._fresh_until: int | None = None

    def is_open(self) -> bool:
        """Whether a task may be sent to the direct queue. Never raises: if the list cannot be read, the event
        sources start a worker."""
        with self._lock:
            now = self._clock.now()
            if self._fresh_until is None or now >= self._fresh_until:
                # set even if the read fails, so that a throttled table does not get a read with every message
                self._fresh_until = now + FRESH_MS
                try:
                    listed = self._takers.listed(FEW)
                except StoreUnavailable as error:
                    self._telemetry.problem("list of takers not read", reason=str(error))
                    listed = []
                self._open_until = max((taker.until for taker in listed), default=0)
            return now < self._open_until
