"""Encryption of secrets that callers give: who seals cannot open. Both raise ``SealingUnavailable``."""

from collections.abc import Mapping
from typing import Protocol


class SealBroken(Exception):
    """What was sealed is not this, or was sealed for something else."""


class Sealer(Protocol):
    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """Up to 4,096 bytes, encrypted; ``context`` is what they belong to, and no secret."""
        ...


class Opener(Protocol):
    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """What was sealed under the same context. Raises ``SealBroken``."""
        ...
