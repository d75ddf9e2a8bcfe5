"""The bearer tokens of MCP servers, in Secrets Manager, below the prefix that the worker's role may read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from a2actl.fault import Fault

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_NOT_THERE = ("ResourceNotFoundException", "ValidationException", "InvalidParameterException")
RECOVERY_DAYS = 7
"""So long a deleted token can be restored."""


@dataclass(frozen=True)
class McpTokens:
    """Secrets ``<prefix><project>/<server>``, each the token alone. What AWS raises passes through."""

    client: "SecretsManagerClient"
    prefix: str

    def store(self, project_id: str, server: str, token: str) -> str:
        """The ARN of the secret, which is made, replaced or restored as needed."""
        name = self._name(project_id, server)
        found = self._described(name)
        if found is None:
            try:
                return self.client.create_secret(
                    Name=name, SecretString=token, Description=f"Token of the MCP server {server}."
                )["ARN"]
            except ClientError as error:
                if _code(error) != "ResourceExistsException":  # made in the meantime: replaced all the same
                    raise
        elif "DeletedDate" in found:
            self.client.restore_secret(SecretId=name)
        return self.client.put_secret_value(SecretId=name, SecretString=token)["ARN"]

    def existing(self, arn: str) -> str:
        """The whole ARN of somebody else's secret. Raises ``Fault`` if the worker could not read it."""
        found = self._described(arn)
        if found is None or "DeletedDate" in found:
            raise Fault(f"There is no secret {arn!r}; check --secret-arn, or let a2actl keep the token.")
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
        name = self._name(project_id, server)
        if self._is_gone(name):
            return False
        try:
            self.client.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
        except (ClientError, BotoCoreError):
            if not self._is_gone(name):  # else deleted by the same request, whose answer was lost
                raise
        return True

    def _is_gone(self, name: str) -> bool:
        found = self._described(name)
        return found is None or "DeletedDate" in found

    def _described(self, secret: str) -> Any:
        """Secrets Manager's description; None if there is no such secret."""
        try:
            return self.client.describe_secret(SecretId=secret)
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise

    def _name(self, project_id: str, server: str) -> str:
        return f"{self.prefix}{project_id}/{server}"


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
