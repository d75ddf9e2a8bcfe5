"""API keys and tokens in Secrets Manager, cached for ``TTL_MS``."""

import json
from functools import partial
from typing import TYPE_CHECKING

from a2a_tasks.adapters.secrets.secret_text import secret_text
from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import SecretsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TTL_MS = 300_000
"""How long a process caches a secret."""


class Secrets:
    """Secrets set by the operator. Both methods block, and return an empty string if there is none; ``fresh``
    bypasses the cache. Raises ``SecretsUnavailable`` if Secrets Manager does not respond."""

    def __init__(self, client: "SecretsManagerClient", api_key_arn: str, clock: Clock) -> None:
        self._client = client
        self._api_key_arn = api_key_arn
        self._cache = TtlCache[str](clock, TTL_MS)

    def api_key(self, fresh: bool) -> str:
        """The key in the JSON ``{"apiKey": …}``. Raises ``SecretsUnavailable`` if the secret is something
        else."""
        text = self.token(self._api_key_arn, fresh)
        try:
            return str(json.loads(text)["apiKey"]) if text else ""
        except (ValueError, KeyError, TypeError):
            # neither the text nor the position of a JSON error may be logged
            raise SecretsUnavailable(f'the secret {self._api_key_arn} is not {{"apiKey": "…"}}') from None

    def token(self, arn: str, fresh: bool) -> str:
        """A secret whose whole value is a token."""
        read = partial(secret_text, self._client, arn)
        # a missing secret is not cached, because the operator may be adding it
        return self._cache.get(arn, read, ttl_ms=0 if fresh else None) or ""
