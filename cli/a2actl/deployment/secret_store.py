"""Secrets that a2actl keeps in Secrets Manager, below the prefixes that the functions' roles may read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_NOT_THERE = ("ResourceNotFoundException", "ValidationException", "InvalidParameterException")
_BEING_DELETED = "InvalidRequestException"
RECOVERY_DAYS = 7
"""How long a deleted secret can be restored."""


@dataclass(frozen=True)
class SecretStore:
    """Secrets by name. Errors of AWS pass through."""

    client: "SecretsManagerClient"

    def store(self, name: str, text: str, description: str) -> str:
        """The ARN of the secret, which is made, replaced or restored as needed."""
        found = self.described(name)
        if found is None:
            try:
                return self.client.create_secret(Name=name, SecretString=text, Description=description)["ARN"]
            except ClientError as error:
                if _code(error) != "ResourceExistsException":  # made in the meantime: replaced all the same
                    raise
        elif "DeletedDate" in found:
            self.client.restore_secret(SecretId=name)
        return self.client.put_secret_value(SecretId=name, SecretString=text)["ARN"]

    def read(self, name: str) -> str | None:
        """The secret's text; None if there is none, or it is being deleted."""
        try:
            return self.client.get_secret_value(SecretId=name).get("SecretString")
        except ClientError as error:
            if _code(error) in (*_NOT_THERE, _BEING_DELETED):
                return None
            raise

    def delete(self, name: str) -> bool:
        """Whether there was one to delete; repeating it is harmless."""
        if self._is_gone(name):
            return False
        try:
            self.client.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
        except (ClientError, BotoCoreError):
            if not self._is_gone(name):  # else deleted by the same request, whose answer was lost
                raise
        return True

    def described(self, secret: str) -> Any:
        """Secrets Manager's description by name or ARN; None if there is no such secret."""
        try:
            return self.client.describe_secret(SecretId=secret)
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise

    def _is_gone(self, name: str) -> bool:
        found = self.described(name)
        return found is None or "DeletedDate" in found


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
