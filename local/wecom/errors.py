"""Errors in WeCom's form: HTTP status 200 and an `errcode`.

https://developer.work.weixin.qq.com/document/path/90313
"""

from dataclasses import dataclass
from typing import Any

BUSY = -1
BAD_SECRET = 40001
BAD_MEDIA_TYPE = 40004
BAD_FILE_SIZE = 40006
BAD_MEDIA_ID = 40007
BAD_MSGTYPE = 40008
BAD_CORPID = 40013
BAD_TOKEN = 40014
ESCAPED_TEXT = 40033
BAD_AGENTID = 40056
BAD_PARAMETER = 40058  # also used if WeCom's code is not documented
NO_TOKEN = 41001
NO_MEDIA = 41005
EXPIRED_TOKEN = 42001
EMPTY = 44004
FILE_TOO_LARGE = 45001
TOO_LONG = 45002
TOO_OFTEN = 45009
TOO_MANY_AT_ONCE = 45033
UNTRUSTED_IP = 60020
NO_SUCH_MEMBER = 60111
NO_RECIPIENT = 81013
BAD_WEBHOOK = 93000
BAD_MD5 = 301019


@dataclass
class WeComError(Exception):
    """A response with an error code; `message` is for people, and clients must not parse it."""

    errcode: int
    message: str

    def to_body(self) -> dict[str, Any]:
        return {"errcode": self.errcode, "errmsg": f"{self.message}, hint: [double]"}


@dataclass
class ControlError(Exception):
    """A request to the double's own routes is invalid or names something that does not exist: 400 or 404."""

    status: int
    message: str
