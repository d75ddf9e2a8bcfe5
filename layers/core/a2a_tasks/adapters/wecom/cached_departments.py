"""People's departments, kept by the process for an hour: WeCom limits how often it is asked."""

from dataclasses import dataclass, field

from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.ports import DepartmentReader
from a2a_tasks.wecom.users import canonical

TTL_MS = 3_600_000
MOST = 20_000
"""People, some 500 bytes each."""


@dataclass(frozen=True)
class CachedDepartments:
    """``DepartmentReader``, as of an hour ago at most. A failed look is not kept."""

    reader: DepartmentReader
    clock: Clock
    _cache: TtlCache[frozenset[int]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cache", TtlCache(self.clock, TTL_MS, MOST))

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        name = f"{connection.connection_id}#{canonical(user_id)}"
        found = self._cache.get(name, lambda: self.reader.departments(connection, user_id))
        return found or frozenset()
