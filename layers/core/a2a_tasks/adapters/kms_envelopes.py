"""Secrets encrypted under data keys, which KMS encrypts: one call for all that a process seals in 5 minutes.

Sealed are the length of the encrypted data key (2 bytes), that key, a nonce, and the ciphertext (AES-GCM).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.adapters.kms import UNDECRYPTABLE
from a2a_tasks.adapters.ttl_cache import TtlCache
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import SealingUnavailable
from a2a_tasks.ports.sealing import SealBroken

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

TTL_MS = 300_000
NONCE_BYTES = 12
_LENGTH_BYTES = 2


@dataclass(frozen=True)
class _DataKey:
    plain: bytes = field(repr=False)
    encrypted: bytes = field(repr=False)


@dataclass(frozen=True)
class KmsEnvelopes:
    """``Sealer`` and ``Opener``. A function's role permits one of the two. ``client`` returns a client;
    ``purpose`` is the encryption context of the data keys."""

    client: "Callable[[], KMSClient]"
    key_arn: str
    purpose: str
    clock: Clock
    entropy: Entropy
    _own: TtlCache[_DataKey] = field(init=False)
    _others: TtlCache[bytes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_own", TtlCache(self.clock, TTL_MS))
        object.__setattr__(self, "_others", TtlCache(self.clock, TTL_MS))

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        key = self._own.get("", self._new_key) or self._new_key()
        nonce = self.entropy.bytes(NONCE_BYTES)
        sealed = AESGCM(key.plain).encrypt(nonce, plain, _bound(context))
        return len(key.encrypted).to_bytes(_LENGTH_BYTES) + key.encrypted + nonce + sealed

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        end = _LENGTH_BYTES + int.from_bytes(sealed[:_LENGTH_BYTES])
        encrypted, rest = sealed[_LENGTH_BYTES:end], sealed[end:]
        if not encrypted:
            raise SealBroken("not sealed here")
        key = self._others.get(encrypted.hex(), lambda: self._decrypted(encrypted))
        try:
            return AESGCM(key or b"").decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _bound(context))
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
        with port_errors(SealingUnavailable, dict.fromkeys(UNDECRYPTABLE, broken)):
            answer = self.client().decrypt(
                KeyId=self.key_arn, CiphertextBlob=encrypted, EncryptionContext={"purpose": self.purpose}
            )
            return answer["Plaintext"]


def _bound(context: Mapping[str, str]) -> bytes:
    """What a ciphertext is bound to."""
    return json.dumps(dict(context), sort_keys=True).encode()
