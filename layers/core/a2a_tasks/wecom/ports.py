"""What WeCom's packages need from the outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.wecom.connection import Connection, ConnectionSecrets
from a2a_tasks.wecom.exchange import Claim, End, Exchange, ExchangeRef, Feedback, State


class ConnectionReader(Protocol):
    def connection(self, connection_id: str) -> Connection | None:
        """The connection, also one that is switched off. Raises ``StoreUnavailable``."""
        ...


class ConnectionSecretsReader(Protocol):
    def secrets(self, connection: Connection, *, fresh: bool = False) -> ConnectionSecrets:
        """Its secrets as of a few minutes ago at most.

        ``fresh`` is for a request that none of them opens, since they may have been rotated meanwhile; it
        asks anew unless that was done a moment ago, so that nobody can make it ask all the time.
        Raises ``SecretsUnavailable``.
        """
        ...


class DepartmentReader(Protocol):
    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        """The departments that a person of the connection's corp is directly in; none if WeCom knows no such
        person. Raises ``DepartmentsUnavailable`` and ``DepartmentsRefused``."""
        ...


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


@dataclass(frozen=True)
class CachedToken:
    """A token as it is kept: encrypted. ``expires_at`` is in Unix milliseconds."""

    sealed: bytes = field(repr=False)
    expires_at: int


class AccessTokenStore(Protocol):
    """One token for each connection. All methods raise ``StoreUnavailable`` and can be repeated."""

    def get(self, connection_id: str) -> CachedToken | None:
        """A consistent read."""
        ...

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        """Whether ``holder`` is the one who asks for a new token now. A lock that nobody frees ends at its
        ``until`` (Unix milliseconds)."""
        ...

    def put(self, connection_id: str, holder: str, token: CachedToken) -> bool:
        """Keep a token and free the lock; False if the lock is another's by now."""
        ...

    def unlock(self, connection_id: str, holder: str) -> None:
        """Free the lock, if it is still this holder's."""
        ...

    def drop(self, connection_id: str, sealed: bytes) -> None:
        """Forget a token that WeCom takes no more. One that has taken its place stays."""
        ...


class FileUnavailable(Exception):
    """A file could not be fetched in time, or from where it is said to be."""


class FileTooLarge(Exception):
    """A file has more bytes than are wanted."""


@dataclass(frozen=True)
class SentFile:
    """As it was fetched; ``name`` is empty where it has none."""

    content: bytes = field(repr=False)
    name: str


class FileFetcher(Protocol):
    def fetch(self, url: str, max_bytes: int, seconds: float) -> SentFile:
        """Raises ``FileUnavailable`` and ``FileTooLarge``."""
        ...


class ChatStore(Protocol):
    """A chat is one person's, or a group's, on one connection. All methods raise ``StoreUnavailable``."""

    def generation(self, connection_id: str, chat_key: str) -> int:
        """The number of its present conversation, from 0."""
        ...

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        """Begin a new conversation; the same message again begins no other. Its number."""
        ...


@dataclass(frozen=True)
class ChatDelivery:
    """What has become of a task is to be told to an exchange, or else to a group by its connection.

    ``status`` and ``at`` (Unix milliseconds) are the change that is told of.
    """

    ref: TaskRef
    project_id: str
    status: Status
    at: int
    correlation_id: str
    exchange_id: str | None = None
    group: str | None = None


NEWEST = 200
"""How many items a reader gets at most: all exchanges of a task, and its newest chunks."""


@dataclass(frozen=True)
class Watched:
    """A task's exchanges, and the newest of what it said, by turn, fence and number."""

    exchanges: list[Exchange]
    chunks: list[LiveChunk]


class ExchangeReader(Protocol):
    """A separate port: who only sends on what has ended changes nothing."""

    def of_task(self, task_id: str) -> list[Exchange]:
        """All exchanges of a task. Raises ``StoreUnavailable``."""
        ...


class ExchangeStore(Protocol):
    """Each change gives the exchange as it stands then, whoever has made it so, and None where there is none;
    making it again is safe. All methods raise ``StoreUnavailable``."""

    def put(self, exchange: Exchange, until: int) -> Exchange:
        """Keep a new exchange at least until this moment (Unix milliseconds), unless it is there already: the
        one that is there."""
        ...

    def remove(self, ref: ExchangeRef) -> bool:
        """Take back one that never came to be, unless it has ended; whether it is gone."""
        ...

    def get(self, ref: ExchangeRef) -> Exchange | None: ...

    def watch(self, task_id: str) -> Watched:
        """All there is to know at a refresh, in one consistent read."""
        ...

    def of_task(self, task_id: str) -> list[Exchange]: ...

    def end(self, ref: ExchangeRef, end: End) -> Exchange | None:
        """Write down what it came to, unless that is written."""
        ...

    def close(self, ref: ExchangeRef) -> Exchange | None:
        """``may_close``: no refresh delivers it from then on."""
        ...

    def claim(self, ref: ExchangeRef, claim: Claim, stale_before: int = 0) -> Exchange | None:
        """``may_claim``: nobody else delivers it from then on. It was claimed if its claim is this one."""
        ...

    def settle(self, ref: ExchangeRef, claim_id: str, state: State) -> Exchange | None:
        """``may_settle``: the claimed delivery has arrived, or cannot."""
        ...

    def rate(self, ref: ExchangeRef, feedback: Feedback) -> Exchange | None:
        """Keep what somebody thinks of the answer: the last opinion."""
        ...


@dataclass(frozen=True)
class DeliveryProgressRef:
    """One answer of a task to one chat."""

    task_id: str
    name: str


@dataclass(frozen=True)
class DeliveryProgress:
    """So many parts, the first ones, are with WeCom. ``media_id`` is the file that was uploaded for one."""

    count: int = 0
    media_id: str | None = None


class DeliveryProgressStore(Protocol):
    """All methods raise ``StoreUnavailable`` and can be repeated."""

    def hold(self, ref: DeliveryProgressRef, holder: str, now: int, until: int) -> DeliveryProgress | None:
        """Go on with an answer, as the only one until a moment (Unix milliseconds): what is sent of it. None
        while somebody else is at it."""
        ...

    def note(self, ref: DeliveryProgressRef, holder: str, sent: DeliveryProgress) -> bool:
        """Write down how far it is; False if it is another's by now."""
        ...

    def let_go(self, ref: DeliveryProgressRef, holder: str) -> None:
        """Leave the rest to whoever comes next."""
        ...
