"""A cache of values that are read from elsewhere."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from a2a_tasks.ports.clock import Clock

MOST = 1_000


@dataclass
class _Entry[T]:
    value: T | None = field(default=None, repr=False)
    read_at: int = 0
    one_reader: threading.Lock = field(default_factory=threading.Lock, repr=False)


class TtlCache[T]:
    """Values by name, each read again when it is older than ``ttl_ms``. Missing values are not cached. Of
    more than ``most`` names, those that nobody has asked for longest are forgotten."""

    def __init__(self, clock: Clock, ttl_ms: int, most: int = MOST) -> None:
        self._clock = clock
        self._ttl_ms = ttl_ms
        self._most = most
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._one_change = threading.Lock()

    def get[R](self, name: str, read: Callable[[], T | R], *, ttl_ms: int | None = None) -> T | R:
        """The value, from ``read`` if none cached is younger than ``ttl_ms``. Whoever asks for a name that is
        being read waits for that. Raises what ``read`` raises."""
        entry = self._entry(name)
        # one lock per name, so that a slow read does not block others
        with entry.one_reader:
            # checked again after waiting for the lock: another thread may have just read it
            now = self._clock.now()
            is_young = now - entry.read_at < (self._ttl_ms if ttl_ms is None else ttl_ms)
            if entry.value is not None and is_young:
                return entry.value
            value = read()
            entry.value, entry.read_at = value, now  # type: ignore[assignment]
            return value

    def _entry(self, name: str) -> _Entry[T]:
        with self._one_change:
            entry = self._entries.setdefault(name, _Entry())
            self._entries.move_to_end(name)
            # callers may choose names, so their number is bounded
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
            return entry
