"""Secrets as texts."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.ports.errors import SecretsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
"""Error codes for a secret that does not exist or has no value, and for one that is being deleted."""


def secret_text(client: "SecretsManagerClient", arn: str) -> str | None:
    """None if there is none. Raises ``SecretsUnavailable`` if Secrets Manager does not respond."""
    with port_errors(SecretsUnavailable):
        try:
            return client.get_secret_value(SecretId=arn).get("SecretString", "")
        except ClientError as error:
            # distinguished, because an operator must create one, while all other errors may be temporary
            if error.response["Error"]["Code"] in GONE:
                return None
            raise
