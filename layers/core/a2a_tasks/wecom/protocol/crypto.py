"""The envelope of WeCom's callbacks: AES-256-CBC under a key that both sides know, and a SHA-1 signature.

The plaintext is 16 random bytes, the message's length in bytes (4, big-endian), the message, the receive id,
and PKCS#7 padding to a multiple of 32, not 16. https://developer.work.weixin.qq.com/document/path/91144
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason

WINDOW_MS = 300_000
"""Maximum difference between the time in a request's URL and the local time. It does not prevent replays: see
``deduplication``."""
RANDOM_BYTES = 16
_LENGTH_BYTES = 4
_BLOCK_BYTES = 16
_PADDING_BITS = 256
_ENCODED_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_ORDER = {reason: position for position, reason in enumerate(RefusalReason)}


@dataclass(frozen=True)
class CallbackQuery:
    """Query parameters of a request, decoded once: decoding twice would turn ``+`` into a space.

    ``echo`` is only set when WeCom verifies the URL. Missing parameters are empty and match no signature.
    """

    signature: str
    timestamp: str
    nonce: str
    echo: str = ""

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """From the parameters of a URL, which are decoded already."""
        names = ("msg_signature", "timestamp", "nonce", "echostr")
        return cls(*(parameters.get(name, "") for name in names))


@dataclass(frozen=True)
class CallbackKey:
    """One token and AES key of a connection; ``receive_id`` is the corp's id for an application, else empty.

    Raises ``ValueError``, without the key in it, for a key that is none.
    """

    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    receive_id: str

    def __post_init__(self) -> None:
        if not _ENCODED_KEY.fullmatch(self.encoding_aes_key):
            raise ValueError("the EncodingAESKey must be 43 characters of base64")

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """The signature in lower-case hexadecimal. It sorts the strings, so it does not protect their
        order."""
        # timestamp and nonce can therefore be exchanged, so age is checked by the encrypted content
        # (deduplication)
        joined = "".join(sorted((self.token, timestamp, nonce, encrypted)))
        return hashlib.sha1(joined.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def encrypt(self, message: str, random: bytes) -> str:
        """A message as WeCom reads it, in base64; ``random`` are 16 bytes, never the same twice."""
        if len(random) != RANDOM_BYTES:
            raise ValueError(f"encrypting takes {RANDOM_BYTES} random bytes, not {len(random)}")
        content = message.encode()
        plain = random + len(content).to_bytes(_LENGTH_BYTES) + content + self.receive_id.encode()
        padder = PKCS7(_PADDING_BITS).padder()
        encryptor = self._cipher().encryptor()
        padded = padder.update(plain) + padder.finalize()
        return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def open(self, query: CallbackQuery, encrypted: str, now: int) -> str:
        """The message of a request received at ``now`` (Unix milliseconds). Raises ``CallbackRefused``."""
        expected = self.sign(query.timestamp, query.nonce, encrypted)
        # checked before decryption, which rules out padding oracles
        if not hmac.compare_digest(expected.encode(), query.signature.encode("utf-8", "surrogatepass")):
            raise CallbackRefused(RefusalReason.SIGNATURE)
        if not _SECONDS.fullmatch(query.timestamp) or not is_near(int(query.timestamp), now, WINDOW_MS):
            raise CallbackRefused(RefusalReason.TIMESTAMP)
        try:
            ciphertext = base64.b64decode(encrypted, validate=True)
        except ValueError:
            raise CallbackRefused(RefusalReason.BASE64) from None
        return self._message_in(self._decrypt(ciphertext))

    def decrypt_media(self, ciphertext: bytes) -> bytes:
        """Decrypt a file sent to a bot: only its bytes, without random bytes, length and receive id.

        Raises ``CallbackRefused`` with the length or the padding as its reason.
        """
        return self._decrypt(ciphertext)

    def _decrypt(self, ciphertext: bytes) -> bytes:
        if not ciphertext or len(ciphertext) % _BLOCK_BYTES:
            raise CallbackRefused(RefusalReason.CIPHERTEXT_LENGTH)
        decryptor = self._cipher().decryptor()
        unpadder = PKCS7(_PADDING_BITS).unpadder()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        try:
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise CallbackRefused(RefusalReason.PADDING) from None

    def _message_in(self, plain: bytes) -> str:
        start = RANDOM_BYTES + _LENGTH_BYTES
        end = start + int.from_bytes(plain[RANDOM_BYTES:start])
        if end > len(plain):
            raise CallbackRefused(RefusalReason.LENGTH)
        if not hmac.compare_digest(plain[end:], self.receive_id.encode()):
            raise CallbackRefused(RefusalReason.RECEIVEID)
        try:
            return plain[start:end].decode()
        except UnicodeDecodeError:
            raise CallbackRefused(RefusalReason.ENCODING) from None

    def _cipher(self) -> Cipher[CBC]:
        # not strict base64: two bits of the last character are unused, and WeCom does not always set them to
        # zero
        key = binascii.a2b_base64(self.encoding_aes_key + "=")
        return Cipher(AES256(key), CBC(key[:_BLOCK_BYTES]))


@dataclass(frozen=True)
class DecryptedMessage[T]:
    """A message, and the key that decrypted it, which also encrypts the reply and decrypts its files."""

    message: T
    key: CallbackKey


def open_with(
    keys: Sequence[CallbackKey], query: CallbackQuery, encrypted: str, now: int
) -> DecryptedMessage[str]:
    """The message under the first of the keys that opens it: the current one or, after a rotation, the one
    before. Raises ``CallbackRefused`` with the reason of the key that came furthest."""
    refusals = []
    for key in keys:
        try:
            return DecryptedMessage(key.open(query, encrypted, now), key)
        except CallbackRefused as refused:
            # a signature failure only means that it is another key; a later failure is the actual reason
            refusals.append(refused.reason)
    raise CallbackRefused(max(refusals, key=_ORDER.__getitem__, default=RefusalReason.SIGNATURE))


def is_near(seconds: int, now: int, window_ms: int) -> bool:
    """Whether a Unix time in seconds is within so many milliseconds of ``now`` (Unix milliseconds)."""
    return abs(now - seconds * 1000) <= window_ms
