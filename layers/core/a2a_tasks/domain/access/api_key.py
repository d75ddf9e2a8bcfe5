"""API keys: ``a2a_<key id>_<secret>``. The id is readable and public, the secret is 32 random bytes.

Only the SHA-256 of the secret is stored: with 256 random bits a slow hash would add nothing but latency.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from a2a_tasks.domain.access.rate import KeyLimits

PREFIX = "a2a"
_FORMAT = re.compile(rf"{PREFIX}_([a-z2-7]{{16}})_([A-Za-z0-9_-]{{43}})")
_NO_KEY_HASH = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """A stored key. Times are Unix milliseconds; ``secret_sha256`` is hexadecimal."""

    key_id: str
    project_id: str
    name: str
    secret_sha256: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    limits: KeyLimits = field(default_factory=KeyLimits)

    def is_usable(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at ``now`` (Unix milliseconds)."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class PresentedKey:
    """A key as a caller sent it."""

    key_id: str
    secret: str


def issue(random: bytes) -> tuple[str, str, str]:
    """A new key from 42 random bytes: ``(key_id, the key to show once, secret_sha256)``."""
    key_id = base64.b32encode(random[:10]).decode().lower()
    secret = base64.urlsafe_b64encode(random[10:42]).rstrip(b"=").decode()
    return key_id, f"{PREFIX}_{key_id}_{secret}", _hash(secret)


def parse(text: str) -> PresentedKey | None:
    """The parts of a well-formed key, else None."""
    match = _FORMAT.fullmatch(text)
    return PresentedKey(match[1], match[2]) if match else None


def matches(presented: PresentedKey, stored: ApiKey | None, now: int) -> bool:
    """Whether the presented key is valid for the stored one.

    Takes the same time with and without a stored key, so that timing does not reveal which ids exist.
    """
    expected = stored.secret_sha256 if stored else _NO_KEY_HASH
    same = hmac.compare_digest(_hash(presented.secret), expected)
    return same and stored is not None and stored.is_usable(now)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
