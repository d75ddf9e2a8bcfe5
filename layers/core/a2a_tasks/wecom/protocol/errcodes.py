"""What WeCom's error codes mean: whether to try again, and what an operator can do.

Only the code counts: the text beside it is for people, and changes.
https://developer.work.weixin.qq.com/document/path/90313
"""

from enum import StrEnum

OK = 0
BUSY = -1
NO_SUCH_FILE = 40007
UNTRUSTED_IP = 60020


FILE_REFUSED = frozenset({40004, 40005, 40006, 40009, 45001})
"""Errors that mean that WeCom will never accept the file."""


class Remedy(StrEnum):
    """How to react to an error."""

    AGAIN = "again"  # at once, a few times
    LATER = "later"  # after a longer delay
    NEW_TOKEN = "new token"  # noqa: S105  once, with a fresh access token
    NONE = "none"  # a retry does not help


_REMEDIES = {
    BUSY: Remedy.AGAIN,
    45009: Remedy.LATER,  # too often
    45033: Remedy.LATER,  # too many at once
    40014: Remedy.NEW_TOKEN,  # no such token
    42001: Remedy.NEW_TOKEN,  # expired
}

_ADVICE = {
    BUSY: "WeCom is busy.",
    40001: "The application's secret is wrong: give the connection the right one with"
    " `a2actl wecom connections rotate --corp-secret`.",
    40003: "There is no member of this user id.",
    40004: "WeCom does not take files of this type.",
    40005: "WeCom does not take files of this type.",
    40006: "The file is empty, or too large for WeCom.",
    NO_SUCH_FILE: "WeCom does not know the file any more.",
    40008: "WeCom does not take this kind of message there.",
    40009: "The image is too large for WeCom.",
    40013: "The corp id is wrong: correct it in the connection.",
    40014: "The access token is not valid, and neither was a new one.",
    40033: "WeCom does not take a character of the message.",
    40035: "WeCom does not take a field of the message.",
    40056: "The application's AgentID is wrong: correct it in the connection.",
    40058: "WeCom does not take the request as it is.",
    41001: "WeCom has got no access token.",
    42001: "The access token has expired, and so had a new one.",
    44001: "The file is empty.",
    44004: "The message is empty.",
    45001: "The file is too large for WeCom.",
    45002: "The message is too long.",
    45009: "Messages come more often than WeCom allows.",
    45033: "More calls at once than WeCom allows.",
    48002: "The application may not use this part of WeCom's API.",
    UNTRUSTED_IP: "The address that we call from is not one of the application's trusted IPs: enter it in"
    " WeCom's console (企业可信IP). It only stays the same with WecomFixedIp.",
    60011: "The member is not in the application's visible range: widen it in WeCom's console.",
    60111: "There is no member of this user id.",
    81013: "Nobody whom the message is for may use the application: widen its visible range in WeCom's"
    " console.",
    93000: "There is no group robot of this key: give the connection the right one with"
    " `a2actl wecom connections rotate --webhook-key`.",
}


def remedy(errcode: int) -> Remedy:
    """Unknown errors count as permanent: a retry could do harm, and an operator is notified."""
    return _REMEDIES.get(errcode, Remedy.NONE)


def advice(errcode: int) -> str:
    """A sentence for an operator."""
    known = _ADVICE.get(errcode)
    return f"{known} (WeCom's error {errcode})" if known else f"WeCom refuses it with its error {errcode}."


def metric_code(errcode: int) -> str:
    """The code as a dimension of a metric: those that are known, and one for all others."""
    return str(errcode) if errcode in _ADVICE else "other"
