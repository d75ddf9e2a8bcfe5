"""The secrets of WeCom connections, in Secrets Manager."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from a2a_tasks.adapters.secrets.secret_text import secret_text
from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import SecretsUnavailable
from a2a_tasks.wecom.connection import Connection, ConnectionSecrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TTL_MS = 300_000
"""A rotated key works at once all the same: what no key opens is tried with fresh ones."""
FRESH_MS = 10_000
"""So old may be what is fresh: strangers can send requests that no key opens as fast as they like."""


class CachedConnectionSecrets:
    """``ConnectionSecretsReader``; ``client`` gives one, when it is first needed."""

    def __init__(self, client: "Callable[[], SecretsManagerClient]", clock: Clock) -> None:
        self._client = client
        self._cache: TtlCache[ConnectionSecrets] = TtlCache(clock, TTL_MS)

    def secrets(self, connection: Connection, *, fresh: bool = False) -> ConnectionSecrets:
        arn = connection.secret_arn
        # a missing secret is not cached, because the operator may be adding it
        found = self._cache.get(arn, lambda: self._read(arn), ttl_ms=FRESH_MS if fresh else None)
        if found is None:
            raise SecretsUnavailable(f"the connection {connection.connection_id!r} has no secret")
        return found

    def _read(self, arn: str) -> ConnectionSecrets | None:
        text = secret_text(self._client(), arn)
        if text is None:
            return None
        try:
            return ConnectionSecrets.from_named(json.loads(text))
        except ValueError:
            # neither the text nor the position of a JSON error may be logged
            raise SecretsUnavailable(f"the secret {arn} is not that of a connection") from None
