"""A cache of values that are read from elsewhere."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.ports.clock import Clock


@dataclass(frozen=True)
class _Entry[T]:
    value: T
    read_at: int


class TtlCache[T]:
    """Values by name, each read again when it is older than ``ttl_ms``. Missing values are not cached."""

    def __init__(self, clock: Clock, ttl_ms: int) -> None:
        self._clock = clock
        self._ttl_ms = ttl_ms
        self._entries: dict[str, _Entry[T]] = {}
        self._one_reader = threading.Lock()

    def get(self, name: str, read: Callable[[], T | None], *, ttl_ms: int | None = None) -> T | None:
        """The value, from ``read`` if none cached is younger than ``ttl_ms``. Raises what ``read`` raises."""
        with self._one_reader:
            now = self._clock.now()
            entry = self._entries.get(name)
            if entry and now - entry.read_at < (self._ttl_ms if ttl_ms is None else ttl_ms):
                return entry.value
            value = read()
            if value is None:
                self._entries.pop(name, None)
            else:
                self._entries[name] = _Entry(value, now)
            return value
