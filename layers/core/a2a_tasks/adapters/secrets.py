"""API keys and tokens in Secrets Manager, cached for ``TTL_SECONDS``."""

import threading
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError

from a2a_tasks.adapters.secret_text import GONE

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TTL_SECONDS = 300
"""How long a process caches a secret."""


class Secrets:
    """Secrets set by the operator. Both methods block, and return an empty string if there is none; ``fresh``
    bypasses the cache. Raises ``GetParameterError`` if Secrets Manager does not respond."""

    def __init__(self, client: "SecretsManagerClient", api_key_arn: str) -> None:
        self._provider = SecretsProvider(boto3_client=client)
        self._api_key_arn = api_key_arn
        self._one_reader = threading.Lock()  # ten tasks that start together read the key once

    def api_key(self, fresh: bool) -> str:
        """The key in the JSON ``{"apiKey": …}``. Raises ``KeyError``, ``TypeError`` or
        ``TransformParameterError`` if the secret has another format."""
        secret = self._read(self._api_key_arn, fresh, transform="json")
        return str(secret["apiKey"]) if secret is not None else ""

    def token(self, arn: str, fresh: bool) -> str:
        """A secret whose whole value is a token."""
        return str(self._read(arn, fresh) or "")

    def _read(self, arn: str, fresh: bool, **options: Any) -> Any:
        try:
            with self._one_reader:
                return self._provider.get(arn, max_age=TTL_SECONDS, force_fetch=fresh, **options)
        except GetParameterError as error:
            cause = error.__context__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in GONE:
                return None
            raise
