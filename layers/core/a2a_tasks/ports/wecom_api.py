"""WeCom's API, as far as it is used. Each call is over within seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from a2a_tasks.wecom.connection import Connection


@dataclass
class WeComRefused(Exception):
    """WeCom has answered with an error. ``from_ip`` is where it was called from, if it says so."""

    endpoint: str
    errcode: int
    from_ip: str | None = None

    def __str__(self) -> str:
        return f"{self.endpoint}: WeCom's error {self.errcode}"


@dataclass
class WeComUnanswered(Exception):
    """No answer of WeCom's. ``may_have_arrived`` is False where the request certainly did not."""

    endpoint: str
    reason: str
    may_have_arrived: bool

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.reason}"


@dataclass(frozen=True)
class IssuedToken:
    """An access token, valid for so many seconds unless WeCom takes it back."""

    value: str = field(repr=False)
    seconds: int


@dataclass(frozen=True)
class Unreached:
    """Those of a message's receivers who do not get it: no such member, or one without a licence."""

    invalid: tuple[str, ...] = ()
    unlicensed: tuple[str, ...] = ()


@dataclass(frozen=True)
class MediaFile:
    """A file that somebody has sent."""

    content: bytes = field(repr=False)
    media_type: str
    name: str | None


class WeComApi(Protocol):
    """All methods raise ``WeComRefused`` and ``WeComUnanswered``, whose texts have no secrets in them."""

    def issue_token(self, connection: Connection, corp_secret: str) -> IssuedToken:
        """``gettoken``: the same token again while that is valid."""
        ...

    def send_message(self, connection: Connection, token: str, message: Mapping[str, Any]) -> Unreached:
        """``message/send``."""
        ...

    def upload(self, connection: Connection, token: str, name: str, content: bytes) -> str:
        """``media/upload`` of a file (6 bytes to 20 MB): its id, good for three days."""
        ...

    def download(self, connection: Connection, token: str, media_id: str, limit: int) -> MediaFile:
        """``media/get``, of ``limit`` bytes at most: a larger file counts as unanswered."""
        ...

    def departments(self, connection: Connection, token: str, user_id: str) -> frozenset[int]:
        """``user/get``: the departments that somebody is directly in."""
        ...

    def send_to_group(self, connection: Connection, key: str, message: Mapping[str, Any]) -> None:
        """``webhook/send``."""
        ...

    def upload_to_group(self, connection: Connection, key: str, name: str, content: bytes) -> str:
        """``webhook/upload_media`` of a file: its id, for this robot alone."""
        ...

    def respond(self, connection: Connection, response_url: str, message: Mapping[str, Any]) -> None:
        """Answer a bot's message by the address that came with it, which works once and within an hour."""
        ...
