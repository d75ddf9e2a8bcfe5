"""WeCom's side of the encryption. https://developer.work.weixin.qq.com/document/path/90968"""

import base64
import hashlib
import secrets
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class Unreadable(Exception):
    """The response is not an encrypted message; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted message and its query parameters."""

    encrypt: str
    signature: str
    timestamp: str
    nonce: str

    @property
    def query(self) -> dict[str, str]:
        return {"msg_signature": self.signature, "timestamp": self.timestamp, "nonce": self.nonce}


class Envelope:
    """Encrypts and decrypts for one connection; `receive_id` is the corp's id for applications, empty for
    bots."""

    def __init__(self, token: str, encoding_aes_key: str, receive_id: str) -> None:
        self._token = token
        self._key = base64.b64decode(encoding_aes_key + "=")
        self._receive_id = receive_id.encode()

    def seal(self, message: str, now: int, nonce: str | None = None) -> Sealed:
        """`now` is in Unix milliseconds. As with WeCom, the nonce looks like a time in the next days."""
        nonce = nonce or str(now // 1000 + secrets.randbelow(10 * 86_400))
        timestamp = str(now // 1000)
        data = message.encode()
        plain = secrets.token_bytes(16) + struct.pack(">I", len(data)) + data + self._receive_id
        encrypt = base64.b64encode(self.encrypt_file(plain)).decode()
        return Sealed(encrypt, self._signature(timestamp, nonce, encrypt), timestamp, nonce)

    def open(self, sealed: Sealed) -> str:
        """The decrypted message. Raises Unreadable."""
        if sealed.signature != self._signature(sealed.timestamp, sealed.nonce, sealed.encrypt):
            raise Unreadable("the signature is wrong")
        try:
            data = base64.b64decode(sealed.encrypt, validate=True)
            decryptor = self._cipher().decryptor()
            plain = decryptor.update(data) + decryptor.finalize()
            count = plain[-1]
            if not 1 <= count <= 32 or plain[-count:] != bytes([count]) * count:
                raise Unreadable("the padding is wrong")
            (length,) = struct.unpack(">I", plain[16:20])
            message, receive_id = plain[20 : 20 + length], plain[20 + length : -count]
            if receive_id != self._receive_id:
                raise Unreadable("the receive id is wrong")
            return message.decode()
        except (ValueError, IndexError, struct.error) as error:
            raise Unreadable(f"it cannot be decrypted: {error}") from error

    def encrypt_file(self, content: bytes) -> bytes:
        """A file for a bot: padded to a multiple of 32 bytes, without a header."""
        count = 32 - len(content) % 32
        encryptor = self._cipher().encryptor()
        return encryptor.update(content + bytes([count]) * count) + encryptor.finalize()

    def _cipher(self) -> "Cipher[modes.CBC]":
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))

    def _signature(self, *parts: str) -> str:
        return hashlib.sha1(
            "".join(sorted([self._token, *parts])).encode(), usedforsecurity=False
        ).hexdigest()
