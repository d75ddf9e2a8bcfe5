"""Things that are read from elsewhere and kept by the process for a while."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.ports.clock import Clock


@dataclass(frozen=True)
class _Entry[T]:
    value: T
    read_at: int


class TtlCache[T]:
    """Values by name, each read anew when it is older than ``kept_ms``. What is not there is not kept."""

    def __init__(self, clock: Clock, kept_ms: int) -> None:
        self._clock = clock
        self._kept_ms = kept_ms
        self._entries: dict[str, _Entry[T]] = {}
        self._one_reader = threading.Lock()

    def get(self, name: str, read: Callable[[], T | None], *, kept_ms: int | None = None) -> T | None:
        """The value, from ``read`` if none is as young as ``kept_ms``; its exceptions pass through."""
        with self._one_reader:
            now = self._clock.now()
            entry = self._entries.get(name)
            if entry and now - entry.read_at < (self._kept_ms if kept_ms is None else kept_ms):
                return entry.value
            value = read()
            if value is None:
                self._entries.pop(name, None)
            else:
                self._entries[name] = _Entry(value, now)
            return value
