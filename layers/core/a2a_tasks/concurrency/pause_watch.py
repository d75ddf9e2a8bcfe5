"""Whether the deployment is paused, as one process knows it."""

import threading

from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.registry import PauseReader
from a2a_tasks.ports.telemetry import Telemetry

FRESH_MS = 5_000
"""Maximum delay until a process notices a change."""


class PauseWatch:
    """The pause switch, cached for ``FRESH_MS``. Thread-safe."""

    def __init__(self, reader: PauseReader, clock: Clock, telemetry: Telemetry) -> None:
        self._reader = reader
        self._clock = clock
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._is_on = False
        self._fresh_until: int | None = None

    def is_on(self) -> bool:
        """Whether to take no new work. Never raises: if the switch cannot be read, the last known state
        applies; before the first read, no pause."""
        with self._lock:
            now = self._clock.now()
            if self._fresh_until is None or now >= self._fresh_until:
                # set even if the read fails, so that a throttled table does not get a read from every caller
                self._fresh_until = now + FRESH_MS
                try:
                    self._is_on = self._reader.pause() is not None
                except StoreUnavailable as error:
                    self._telemetry.problem("pause switch not read", reason=str(error))
            return self._is_on
