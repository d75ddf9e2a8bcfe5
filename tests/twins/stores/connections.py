"""WeCom connections and their secrets in memory."""

from dataclasses import dataclass, field

from a2a_tasks.ports.errors import SecretsUnavailable
from a2a_tasks.wecom.connection import Connection, ConnectionSecrets


@dataclass
class MemoryConnections:
    """``ConnectionReader`` and ``ConnectionSecretsReader``, with an operator's actions on them."""

    connections: dict[str, Connection] = field(default_factory=dict)
    kept: dict[str, ConnectionSecrets] = field(default_factory=dict)

    def connection(self, connection_id: str) -> Connection | None:
        return self.connections.get(connection_id)

    def secrets(self, connection: Connection, *, fresh: bool = False) -> ConnectionSecrets:  # noqa: ARG002
        if connection.secret_arn not in self.kept:
            raise SecretsUnavailable(f"the connection {connection.connection_id!r} has no secret")
        return self.kept[connection.secret_arn]

    def put(self, connection: Connection, secrets: ConnectionSecrets) -> None:
        self.connections[connection.connection_id] = connection
        self.kept[connection.secret_arn] = secrets
