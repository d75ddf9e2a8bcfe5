"""Secrets encrypted under data keys, which KMS encrypts: not a call of KMS for each.

Sealed are the length of the encrypted data key (2 bytes), that key, a nonce, and the ciphertext (AES-GCM).
A data key seals for ``TTL_MS`` and ``MAX_USES`` at most, and one that opens is kept as long: by then it has
taken effect everywhere that the key in KMS was disabled.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import SealingUnavailable
from a2a_tasks.ports.sealing import SealBroken

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

TTL_MS = 300_000
MAX_USES = 1_000
MOST_KEPT = 1_000
"""Data keys that a process keeps to open with, some 500 bytes each."""
NONCE_BYTES = 12
"""As AES-GCM is specified for (NIST SP 800-38D)."""
_LENGTH_BYTES = 2
_UNDECRYPTABLE = ("InvalidCiphertextException", "IncorrectKeyException")


class Purpose(StrEnum):
    """What is sealed. Roles are told apart by it (``kms:EncryptionContext:purpose``)."""

    RECEIVER = "webhook-receiver"
    """What callers give for the receivers of their notifications."""
    RESPONSE_URL = "wecom-response-url"
    """Addresses by which answers reach chats."""
    SIGNING = "signing-secret"
    """What signs a project's notifications."""


@dataclass(frozen=True)
class _DataKey:
    plain: bytes = field(repr=False)
    encrypted: bytes = field(repr=False)
    uses: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)


@dataclass(frozen=True)
class KmsEnvelopes:
    """``Sealer`` and ``Opener``. A function's role permits one of the two. ``client`` returns a client;
    ``purpose`` is the encryption context of the data keys. What is sealed is bound to its own context too."""

    client: "Callable[[], KMSClient]"
    key_arn: str
    purpose: Purpose
    clock: Clock
    entropy: Entropy
    _own: TtlCache[_DataKey] = field(init=False)
    _others: TtlCache[bytes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_own", TtlCache(self.clock, TTL_MS))
        object.__setattr__(self, "_others", TtlCache(self.clock, TTL_MS, MOST_KEPT))

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        # imported here, because few invocations encrypt anything
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._own.get("", self._new_key)
        # far below the limit of random 96-bit nonces per key (2^32), and few secrets depend on one key
        if next(key.uses) > MAX_USES:
            key = self._own.get("", self._new_key, ttl_ms=0)
        # random per secret: a repeated nonce under one key would break the encryption of both texts
        nonce = self.entropy.bytes(NONCE_BYTES)
        sealed = AESGCM(key.plain).encrypt(nonce, plain, _bound(context))
        return len(key.encrypted).to_bytes(_LENGTH_BYTES) + key.encrypted + nonce + sealed

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        end = _LENGTH_BYTES + int.from_bytes(sealed[:_LENGTH_BYTES])
        encrypted, rest = sealed[_LENGTH_BYTES:end], sealed[end:]
        if not encrypted:
            raise SealBroken("not sealed here")
        # cached by the encrypted key: all secrets that one process encrypted within five minutes cost one
        # call
        key = self._others.get(encrypted.hex(), lambda: self._decrypted(encrypted))
        try:
            return AESGCM(key).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound(context))
        except (InvalidTag, ValueError) as error:
            raise SealBroken("not sealed for this") from error

    def _new_key(self) -> _DataKey:
        with port_errors(SealingUnavailable):
            answer = self.client().generate_data_key(
                KeyId=self.key_arn, KeySpec="AES_256", EncryptionContext={"purpose": self.purpose}
            )
            return _DataKey(answer["Plaintext"], answer["CiphertextBlob"])

    def _decrypted(self, encrypted: bytes) -> bytes:
        broken = SealBroken("not sealed with this key for this purpose")
        # these two codes concern the ciphertext and are permanent; all others may be temporary
        with port_errors(SealingUnavailable, dict.fromkeys(_UNDECRYPTABLE, broken)):
            answer = self.client().decrypt(
                KeyId=self.key_arn, CiphertextBlob=encrypted, EncryptionContext={"purpose": self.purpose}
            )
            return answer["Plaintext"]


def _bound(context: Mapping[str, str]) -> bytes:
    """What a ciphertext is bound to."""
    return json.dumps(dict(context), sort_keys=True).encode()
