"""The bearer tokens of MCP servers, in Secrets Manager, below the prefix that the worker's role may read."""

from dataclasses import dataclass

from a2actl.deployment.secret_store import SecretStore
from a2actl.terminal.fault import Fault


@dataclass(frozen=True)
class McpTokens:
    """Secrets ``<prefix><project>/<server>``, each the token alone. What AWS raises passes through."""

    secret_store: SecretStore
    prefix: str

    def store(self, project_id: str, server: str, token: str) -> str:
        """The ARN of the secret, which is made, replaced or restored as needed."""
        return self.secret_store.store(
            self._name(project_id, server), token, f"Token of the MCP server {server}."
        )

    def existing(self, arn: str) -> str:
        """The full ARN of a secret outside this stack. Raises ``Fault`` if the worker could not read it."""
        found = self.secret_store.described(arn)
        if found is None or "DeletedDate" in found:
            raise Fault(f"There is no secret {arn!r}; check --secret-arn, or let a2actl store the token.")
        if not found["Name"].startswith(self.prefix):
            raise Fault(
                f"The worker may only read secrets whose name begins with {self.prefix!r}; make one there,"
                " or let a2actl keep the token: --token-from-stdin."
            )
        arn_found: str = found["ARN"]
        return arn_found

    def is_kept(self, arn: str | None, project_id: str, server: str) -> bool:
        """Whether the secret is the one that ``store`` makes for this server."""
        # after the name, Secrets Manager appends a hyphen and six characters
        return arn is not None and arn.rpartition(":")[2][:-7] == self._name(project_id, server)

    def delete(self, project_id: str, server: str) -> bool:
        """Whether there was a token to delete; repeating it is harmless."""
        return self.secret_store.delete(self._name(project_id, server))

    def _name(self, project_id: str, server: str) -> str:
        return f"{self.prefix}{project_id}/{server}"
