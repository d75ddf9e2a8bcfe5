"""Why a callback is refused, for the log only. The response does not reveal it."""

from dataclasses import dataclass
from enum import StrEnum


class RefusalReason(StrEnum):
    """The checks in order; the first failing one is the reason."""

    TOO_LARGE = "too_large"  # the body, before anything is parsed
    XML = "xml"  # the body, or what was in it, is no XML, or has a document type
    JSON = "json"  # the same for JSON
    MISSING_ENCRYPT = "missing_encrypt"
    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"  # of the request: not a number, or too far from now
    BASE64 = "base64"
    CIPHERTEXT_LENGTH = "ciphertext_length"
    PADDING = "padding"
    LENGTH = "length"  # the field that says how long the message is
    RECEIVEID = "receiveid"
    ENCODING = "encoding"  # not UTF-8
    MESSAGE = "message"  # a field that every message has is missing
    RECIPIENT = "recipient"  # for another corp, application or bot
    REPLAY = "replay"  # created too long ago, whatever the request's own timestamp says


@dataclass
class CallbackRefused(Exception):
    """A callback that is answered with one and the same 403, whatever the reason."""

    reason: RefusalReason

    def __str__(self) -> str:
        return self.reason.value
