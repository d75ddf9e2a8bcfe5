"""Headers for the OTLP endpoint, from a secret that the operator has made."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from a2a_tasks.adapters.secrets.secret_text import secret_text
from a2a_tasks.adapters.tracing.otlp_endpoint import NotSent
from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import SecretsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

TTL_MS = 300_000
"""How long after a rotation the old headers may still be sent."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")
NOT_HEADERS = (
    'the secret TracingHeadersSecretArn must be a JSON object of headers, such as {"x-api-key": "…"}'
)


class SecretHeaders:
    """Returns the headers. Raises ``NotSent`` while the secret cannot be read or is none of headers."""

    def __init__(self, client: "Callable[[], SecretsManagerClient]", arn: str, clock: Clock) -> None:
        self._client = client
        self._arn = arn
        self._cache = TtlCache[dict[str, str]](clock, TTL_MS)

    def __call__(self) -> dict[str, str]:
        return self._cache.get(self._arn, self._read) or {}

    def _read(self) -> dict[str, str]:
        try:
            text = secret_text(self._client(), self._arn)
        except SecretsUnavailable:
            raise NotSent("the secret of its headers cannot be read", is_retryable=True) from None
        try:
            headers = json.loads(text or "")
        except ValueError:
            headers = None
        if not isinstance(headers, dict) or not all(map(_is_header, headers, headers.values())):
            # spans are kept, because the operator may be correcting the secret
            raise NotSent(NOT_HEADERS, is_retryable=True)
        return headers


def _is_header(name: str, value: object) -> bool:
    return bool(_NAME.fullmatch(name)) and isinstance(value, str) and bool(_VALUE.fullmatch(value))
