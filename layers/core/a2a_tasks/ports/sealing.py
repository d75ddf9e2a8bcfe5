"""Encryption of secrets that callers hand over. Sealing and opening are separate, so that a function that
seals cannot open. Both raise ``SealingUnavailable``."""

from collections.abc import Mapping
from typing import Protocol


class SealBroken(Exception):
    """The ciphertext is damaged, or was sealed under another context."""


class Sealer(Protocol):
    """Encrypts secrets."""

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt up to 4,096 bytes.

        Args:
            plain: The secret.
            context: What the secret belongs to; authenticated, not encrypted, and logged by AWS.
        """
        ...


class Opener(Protocol):
    """Decrypts secrets."""

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt what was sealed under the same ``context``. Raises ``SealBroken``."""
        ...
