"""What the functions read of WeCom connections. The operator's command writes them."""

from typing import Protocol

from a2a_tasks.wecom.connection import Connection, ConnectionSecrets


class ConnectionReader(Protocol):
    def connection(self, connection_id: str) -> Connection | None:
        """The connection, also one that is switched off. Raises ``StoreUnavailable``."""
        ...


class ConnectionSecretsReader(Protocol):
    def secrets(self, connection: Connection, *, fresh: bool = False) -> ConnectionSecrets:
        """Its secrets as of a few minutes ago at most.

        ``fresh`` is for a request that none of them opens, since they may have been rotated meanwhile; it
        asks anew unless that was done a moment ago, so that nobody can make it ask all the time.
        Raises ``SecretsUnavailable``.
        """
        ...


class DepartmentReader(Protocol):
    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        """The departments that a person of the connection's corp is directly in; none if WeCom knows no such
        person. Raises ``DepartmentsUnavailable`` and ``DepartmentsRefused``."""
        ...
