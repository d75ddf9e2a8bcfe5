"""Connections, kept by the process for a moment: a chat that waits asks for its answer every second."""

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.ports import ConnectionReader

TTL_MS = 30_000


class CachedConnections:
    """``ConnectionReader``, as of half a minute ago at most. One that is not there is asked for anew."""

    def __init__(self, reader: ConnectionReader, clock: Clock) -> None:
        self._reader = reader
        self._cache = TtlCache[Connection](clock, TTL_MS)

    def connection(self, connection_id: str) -> Connection | None:
        return self._cache.get(connection_id, lambda: self._reader.connection(connection_id))
