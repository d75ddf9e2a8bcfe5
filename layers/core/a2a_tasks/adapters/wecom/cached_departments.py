"""People's departments, kept by the process for an hour: WeCom limits how often it is asked."""

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.ports import DepartmentReader
from a2a_tasks.wecom.users import canonical

TTL_MS = 3_600_000
MOST = 20_000
"""People, some 500 bytes each."""


class CachedDepartments:
    """``DepartmentReader``, as of an hour ago at most. A failed look is not kept."""

    def __init__(self, reader: DepartmentReader, clock: Clock) -> None:
        self._reader = reader
        self._cache = TtlCache[frozenset[int]](clock, TTL_MS, MOST)

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        name = f"{connection.connection_id}#{canonical(user_id)}"
        found = self._cache.get(name, lambda: self._reader.departments(connection, user_id))
        return found or frozenset()
