"""The secrets of WeCom connections, in Secrets Manager, below the prefix that the functions may read."""

import json
from dataclasses import dataclass

from a2a_tasks.wecom.connection import ConnectionSecrets
from a2actl.deployment.secret_store import SecretStore
from a2actl.terminal.fault import Fault


@dataclass(frozen=True)
class ConnectionSecretsStore:
    """Secrets ``<prefix><connection>``: ``ConnectionSecrets.to_named``. What AWS raises passes through."""

    secret_store: SecretStore
    prefix: str

    def read(self, connection_id: str) -> ConnectionSecrets | None:
        """None if there are none. Raises ``Fault`` for something that is none."""
        text = self.secret_store.read(self._name(connection_id))
        try:
            return None if text is None else ConnectionSecrets.from_named(json.loads(text))
        except ValueError:
            raise Fault(
                f"The secret {self._name(connection_id)} was not created by a2actl; delete it in Secrets"
                " Manager and the connection with a2actl, and create the connection again."
            ) from None

    def write(self, connection_id: str, secrets: ConnectionSecrets) -> str:
        """The ARN of the secret, as it is from now on."""
        description = f"Secrets of the WeCom connection {connection_id}."
        return self.secret_store.store(self._name(connection_id), json.dumps(secrets.to_named()), description)

    def delete(self, connection_id: str) -> bool:
        """Whether there was one to delete; repeating it is harmless."""
        return self.secret_store.delete(self._name(connection_id))

    def _name(self, connection_id: str) -> str:
        return f"{self.prefix}{connection_id}"
