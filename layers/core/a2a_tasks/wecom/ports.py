"""Ports of the WeCom packages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.live import LiveChunk
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.wecom.connection import Connection, ConnectionSecrets
from a2a_tasks.wecom.exchange import (
    DeliveryClaim,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    Feedback,
)
from a2a_tasks.wecom.language import Language


class ConnectionReader(Protocol):
    """Reads connections."""

    def connection(self, connection_id: str) -> Connection | None:
        """A connection, also a disabled one; None if there is none. Raises ``StoreUnavailable``."""
        ...


class ConnectionSecretsReader(Protocol):
    """Reads the secrets of connections."""

    def secrets(self, connection: Connection, *, fresh: bool = False) -> ConnectionSecrets:
        """A connection's secrets, cached for some minutes. ``fresh`` reads them again, for a request that
        the cached ones do not decrypt because they may have been rotated; limited in rate, so that callers
        cannot force reads. Raises ``SecretsUnavailable``."""
        ...


class DepartmentReader(Protocol):
    """Reads the departments of WeCom users."""

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        """Ids of the departments to which a user belongs directly; empty if WeCom does not know the user.
        Raises ``DepartmentsUnavailable`` and ``DepartmentsRefused``."""
        ...


@dataclass
class WeComRefused(Exception):
    """WeCom responded with an error code. ``from_ip`` is our address as WeCom reports it, if it does."""

    endpoint: str
    errcode: int
    from_ip: str | None = None

    def __str__(self) -> str:
        return f"{self.endpoint}: WeCom's error {self.errcode}"


@dataclass
class WeComUnanswered(Exception):
    """WeCom did not respond. The request may have arrived nevertheless."""

    endpoint: str
    reason: str

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.reason}"


@dataclass(frozen=True)
class IssuedToken:
    """An access token, valid for ``seconds`` unless WeCom revokes it earlier."""

    value: str = field(repr=False)
    seconds: int


@dataclass(frozen=True)
class UnreachedRecipients:
    """Receivers that a message did not reach: unknown members, or members without a license."""

    invalid: tuple[str, ...] = ()
    unlicensed: tuple[str, ...] = ()


@dataclass(frozen=True)
class SentFile:
    """A fetched file. ``name`` is empty if it has none."""

    content: bytes = field(repr=False)
    name: str


class UploadKind(StrEnum):
    """What an upload can be sent as; the message has the same type."""

    IMAGE = "image"  # PNG or JPEG
    FILE = "file"


class WeComApi(Protocol):
    """WeCom's server API. All methods raise ``WeComRefused`` and ``WeComUnanswered``, whose messages
    contain no secrets."""

    def issue_token(self, connection: Connection, corp_secret: str) -> IssuedToken:
        """``gettoken``. Returns the same token while it is valid."""
        ...

    def send_message(
        self, connection: Connection, token: str, message: Mapping[str, Any]
    ) -> UnreachedRecipients:
        """``message/send``."""
        ...

    def upload(self, connection: Connection, token: str, name: str, content: bytes, kind: UploadKind) -> str:
        """``media/upload`` of a file (6 bytes to 20 MB) or an image (to 10 MB). Returns its media id, valid
        for three days."""
        ...

    def download(self, connection: Connection, token: str, media_id: str, limit: int) -> SentFile:
        """``media/get``. Also raises ``FileTooLarge``, for more than ``limit`` bytes."""
        ...

    def departments(self, connection: Connection, token: str, user_id: str) -> frozenset[int]:
        """``user/get``: the departments to which a user belongs directly."""
        ...

    def send_to_group(self, connection: Connection, key: str, message: Mapping[str, Any]) -> None:
        """``webhook/send``."""
        ...

    def upload_to_group(self, connection: Connection, key: str, name: str, content: bytes) -> str:
        """``webhook/upload_media``. Returns a media id that is valid for this robot only."""
        ...

    def respond(self, connection: Connection, response_url: str, message: Mapping[str, Any]) -> None:
        """Answer a bot's message at its ``response_url``, which works once and within an hour."""
        ...


@dataclass(frozen=True)
class CachedToken:
    """An encrypted access token. ``expires_at`` is in Unix milliseconds."""

    sealed: bytes = field(repr=False)
    expires_at: int


class AccessTokenStore(Protocol):
    """One access token per connection. All methods are idempotent and raise ``StoreUnavailable``."""

    def get(self, connection_id: str) -> CachedToken | None:
        """The stored token, or None (a consistent read)."""
        ...

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        """Lock a connection for requesting a new token. False if another holder has the lock. It expires
        at ``until`` (Unix milliseconds)."""
        ...

    def put(self, connection_id: str, holder: str, token: CachedToken) -> bool:
        """Store a token and release the lock. False if another holder has the lock by now."""
        ...

    def unlock(self, connection_id: str, holder: str) -> None:
        """Release the lock, if ``holder`` still has it."""
        ...

    def drop(self, connection_id: str, sealed: bytes) -> None:
        """Delete a token that WeCom rejects, unless it was replaced meanwhile."""
        ...


class FileUnavailable(Exception):
    """A file could not be fetched in time, or its address is not allowed."""


class MediaRefused(FileUnavailable):
    """WeCom refuses files to the application until an operator changes something, which the message says."""


class FileTooLarge(Exception):
    """A file exceeds the size limit."""


class FileFetcher(Protocol):
    """Fetches files that users send to bots."""

    def fetch(self, url: str, max_bytes: int, seconds: float) -> SentFile:
        """Download a file of at most ``max_bytes`` within ``seconds``. Raises ``FileUnavailable`` and
        ``FileTooLarge``."""
        ...


class MediaReader(Protocol):
    """Reads files that users send to applications."""

    def media(self, connection: Connection, media_id: str, max_bytes: int) -> SentFile:
        """Download a file of at most ``max_bytes``. Raises ``FileUnavailable`` (``MediaRefused`` if an
        operator must act) and ``FileTooLarge``."""
        ...


@dataclass(frozen=True)
class ChatState:
    """A chat's current conversation, and the language that was chosen in it, if one was."""

    generation: int = 0
    """Number of the conversation, from 0."""
    language: Language | None = None


class ChatStore(Protocol):
    """Current conversations of chats. A chat is a person or group on one connection. All methods raise
    ``StoreUnavailable``."""

    def state(self, connection_id: str, chat_key: str) -> ChatState:
        """The chat as it is now (a consistent read)."""
        ...

    def begin(self, connection_id: str, chat_key: str, message_key: str) -> int:
        """Start a new conversation and return its number. Idempotent per message."""
        ...

    def choose_language(self, connection_id: str, chat_key: str, language: Language) -> None:
        """Store the language of replies in the chat."""
        ...


@dataclass(frozen=True)
class Resend:
    """A user's request to an application to send an earlier answer again."""

    connection_id: str
    user_id: str
    language: Language
    message_key: str
    """Key of the requesting message; each is answered once."""


@dataclass(frozen=True)
class ChatDelivery:
    """A task's change to be delivered to an exchange, to a group by its connection, or once more."""

    ref: TaskRef
    project_id: str
    status: Status
    at: int
    """Time of the change (Unix milliseconds)."""
    correlation_id: str
    exchange_id: str | None = None
    group: str | None = None
    resend: Resend | None = None


NEWEST = 200
"""Limit of items per read: all exchanges of a task, and its newest chunks."""


@dataclass(frozen=True)
class LiveExchanges:
    """A task's exchanges, and its newest live chunks, sorted by turn, fence and number."""

    exchanges: list[Exchange]
    chunks: list[LiveChunk]


class ExchangeReader(Protocol):
    """Read access only, for the function that fans changes out."""

    def of_task(self, task_id: str) -> list[Exchange]:
        """All exchanges of a task. Raises ``StoreUnavailable``."""
        ...


class ExchangeStore(ExchangeReader, Protocol):
    """Exchanges. Every change returns the exchange as stored afterwards, even if another process made the
    change, or None if there is none. Changes are idempotent. All methods raise ``StoreUnavailable``."""

    def put(self, exchange: Exchange, until: int) -> Exchange:
        """Store a new exchange at least until ``until`` (Unix milliseconds). Returns the existing one if
        there is one."""
        ...

    def remove(self, ref: ExchangeRef) -> bool:
        """Delete an exchange whose task was not created, unless it has ended. True if it no longer exists."""
        ...

    def get(self, ref: ExchangeRef) -> Exchange | None:
        """One exchange, or None."""
        ...

    def watch(self, task_id: str, since: LiveChunk | None = None) -> LiveExchanges:
        """The exchanges of a task, and its newest live chunks, or those from ``since`` on, itself among them
        (one eventually consistent read)."""
        ...

    def end(self, ref: ExchangeRef, end: ExchangeEnd) -> Exchange | None:
        """Record the end of an exchange, unless one is recorded."""
        ...

    def close(self, ref: ExchangeRef) -> Exchange | None:
        """Close the exchange for stream refreshes, which no longer deliver it (``may_close``)."""
        ...

    def claim(self, ref: ExchangeRef, claim: DeliveryClaim, stale_before: int = 0) -> Exchange | None:
        """Claim the delivery (``may_claim``). The caller has it if the returned exchange carries its
        claim."""
        ...

    def settle(self, ref: ExchangeRef, claim_id: str, state: ExchangeState) -> Exchange | None:
        """Record that the claimed delivery succeeded or failed for good (``may_settle``)."""
        ...

    def leave(self, ref: ExchangeRef, claim_id: str) -> Exchange | None:
        """Leave a claimed delivery (``may_settle``), so that another sender can continue it by the same
        means."""
        ...

    def rate(self, ref: ExchangeRef, feedback: Feedback) -> Exchange | None:
        """Record a user's feedback; the last one counts."""
        ...


class FirstMessages(Protocol):
    """Stores messages that are received for the first time, as most are: two writes in one call."""

    def begin(
        self, project_id: str, scope: str, key: str, wanted: Reservation, exchange: Exchange, now: int
    ) -> bool:
        """Reserve a key (``ReservationStore.reserve``), and store the exchange of the task that it reserves:
        both or neither. False if the key is reserved, or another process is reserving it. ``now`` is in Unix
        milliseconds. Raises ``StoreUnavailable``."""
        ...


@dataclass(frozen=True)
class DeliveryProgressRef:
    """Identifies the delivery of one answer to one chat."""

    task_id: str
    name: str


@dataclass(frozen=True)
class DeliveryProgress:
    """How many parts WeCom has received."""

    count: int = 0
    media_id: str | None = None
    """The file uploaded for the next part, if any."""


class DeliveryProgressStore(Protocol):
    """Progress of multi-part deliveries. All methods are idempotent and raise ``StoreUnavailable``."""

    def hold(self, ref: DeliveryProgressRef, holder: str, now: int, until: int) -> DeliveryProgress | None:
        """Take the delivery exclusively until ``until`` (Unix milliseconds) and return its progress. None
        while another holder has it."""
        ...

    def note(self, ref: DeliveryProgressRef, holder: str, sent: DeliveryProgress) -> bool:
        """Record progress. False if another holder has the delivery by now."""
        ...

    def release(self, ref: DeliveryProgressRef, holder: str) -> None:
        """Release the delivery for another holder."""
        ...
