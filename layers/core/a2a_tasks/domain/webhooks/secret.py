"""Signing secrets of projects, and signatures by Standard Webhooks
(https://github.com/standard-webhooks/standard-webhooks)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from a2a_tasks.domain.task import iso8601

PREFIX = "whsec_"
RANDOM_BYTES = 32
"""Standard Webhooks asks for 24 to 64."""


class InvalidSecret(ValueError):
    """The text is not a signing secret of ours. The message does not repeat it."""


@dataclass(frozen=True)
class WebhookSecret:
    """A project's signing secret. After a rotation the previous one signs as well, so that receivers can
    switch at any time."""

    current: str = field(repr=False)
    rotated_at: str
    """ISO 8601."""
    previous: str | None = field(default=None, repr=False)

    @classmethod
    def new(cls, random: bytes, now: int) -> "WebhookSecret":
        """A secret from 32 random bytes."""
        return cls(_encoded(random), iso8601(now))

    @classmethod
    def from_json(cls, text: str) -> "WebhookSecret":
        """Parse a stored secret. Raises ``InvalidSecret``."""
        try:
            stored = json.loads(text)
            current, previous = stored["current"], stored.get("previous")
            for secret in (current, *([] if previous is None else [previous])):
                _key_of(secret)
            return cls(current, str(stored.get("rotatedAt", "")), previous)
        except (ValueError, KeyError, TypeError, AttributeError):
            # `from None`: the cause would show the text
            raise InvalidSecret("not a signing secret as a2actl keeps it") from None

    def to_json(self) -> str:
        """Serialize as ``{"current", "rotatedAt", "previous"?}``."""
        known = {"current": self.current, "rotatedAt": self.rotated_at}
        return json.dumps(known if self.previous is None else known | {"previous": self.previous})

    def rotated(self, random: bytes, now: int) -> "WebhookSecret":
        """A new current secret. The current one becomes the previous one, and the previous one becomes
        invalid."""
        # both sign from now on, so that receivers can switch at any time
        return WebhookSecret(_encoded(random), iso8601(now), self.current)

    def retired(self) -> "WebhookSecret":
        """Only the current secret."""
        return WebhookSecret(self.current, self.rotated_at)

    @property
    def live(self) -> tuple[str, ...]:
        """All valid secrets, the current one first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)


def signed_headers(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> list[tuple[str, str]]:
    """The three headers of the scheme. ``timestamp`` is the time of this attempt in Unix seconds."""
    signatures = [_signature(secret, message_id, timestamp, body) for secret in secrets]
    return [
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join(signatures)),
    ]


def fingerprint(secret: str) -> str:
    """Identifies a secret without revealing it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


def _signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key_of(secret), signed, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _encoded(random: bytes) -> str:
    return PREFIX + base64.b64encode(random[:RANDOM_BYTES]).decode()


def _key_of(secret: str) -> bytes:
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    if not secret.startswith(PREFIX) or len(key) != RANDOM_BYTES:
        raise InvalidSecret("not a signing secret")
    return key
