"""Encryption of access tokens at rest, with the secret for which they were issued, which every user of a
token has."""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
_PURPOSE = b"a2a-tasks: access tokens at rest"


def seal(token: str, corp_secret: str, connection_id: str, nonce: bytes) -> bytes:
    """``nonce`` is random and never used twice."""
    # bound to the connection, so that a copy in another connection's item cannot be decrypted
    return nonce + AESGCM(_key(corp_secret)).encrypt(nonce, token.encode(), connection_id.encode())


def open_sealed(sealed: bytes, corp_secret: str, connection_id: str) -> str | None:
    """The token; None if it was sealed by another secret or for another connection."""
    nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(_key(corp_secret)).decrypt(nonce, encrypted, connection_id.encode()).decode()
    except (InvalidTag, ValueError):
        # the secret was replaced, so a new token is requested
        return None


def _key(corp_secret: str) -> bytes:
    return hmac.digest(corp_secret.encode(), _PURPOSE, hashlib.sha256)
