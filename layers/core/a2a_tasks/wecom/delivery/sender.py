"""Sends an answer's parts: in order, each once, resuming after the last sent part, within WeCom's rate
limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import SecretsUnavailable
from a2a_tasks.ports.rates import Bucket, RateStore
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.delivery.outgoing import (
    FilePart,
    OutgoingPart,
    StoredFilePart,
    TextPart,
    app_message,
    group_message,
)
from a2a_tasks.wecom.delivery.sending_rate import TO_GROUP, TO_MEMBER, group_bucket, member_bucket
from a2a_tasks.wecom.ports import (
    ConnectionSecretsReader,
    DeliveryProgress,
    DeliveryProgressRef,
    DeliveryProgressStore,
    WeComApi,
    WeComRefused,
)
from a2a_tasks.wecom.protocol.errcodes import FILE_REFUSED, Remedy, remedy

HELD_MS = 120_000
"""Lifetime of a sender's hold on a delivery; longer than a process can live after its last part."""
VISIT_MS = 40_000
"""After this time the rest is left to the next attempt, so that no process is terminated in the middle."""
QUICK_TRIES = 3
PAUSE_SECONDS = 1.0
"""Pause before a retry while WeCom is busy; after other errors the SQS message returns later."""


class DeliveryDeferred(Exception):
    """The rest must wait. ``seconds`` is the minimum delay, if known."""

    def __init__(self, reason: str, seconds: int | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class RecipientUnreachable(Exception):
    """WeCom accepts the message but does not deliver it to the receiver."""


@dataclass(frozen=True)
class Sender:
    """``pause`` blocks for so many seconds.

    The methods return when all parts are with WeCom. They raise ``DeliveryDeferred``,
    ``RecipientUnreachable``, and what the API's, the stores' and the secrets' methods raise.
    """

    store: DeliveryProgressStore
    app: WeComApp
    api: WeComApi
    secrets: ConnectionSecretsReader
    rates: RateStore
    clock: Clock
    entropy: Entropy
    pause: Callable[[float], None]

    def to_member(
        self, connection: Connection, user_id: str, ref: DeliveryProgressRef, parts: Sequence[OutgoingPart]
    ) -> None:
        """Send as an application, to one user."""

        def send(part: OutgoingPart, media_id: str | None) -> None:
            unreached = self.app.send(connection, app_message(connection, user_id, part, media_id))
            if unreached.invalid:
                raise RecipientUnreachable(
                    "WeCom knows no such member, or the application may not reach them"
                )
            if unreached.unlicensed:
                raise RecipientUnreachable("the member has no licence for the application")

        def upload(part: FilePart) -> str:
            return self.app.upload(connection, part.name, part.content, part.kind)

        bucket = member_bucket(connection, user_id)
        self._send_all(ref, parts, _SendRoute(send, upload, bucket, TO_MEMBER))

    def to_group(
        self, connection: Connection, ref: DeliveryProgressRef, parts: Sequence[OutgoingPart]
    ) -> None:
        """Send as a group robot."""
        key = self.secrets.secrets(connection).webhook_key
        if key is None:
            raise SecretsUnavailable(f"the connection {connection.connection_id!r} has no webhook key")

        def send(part: OutgoingPart, media_id: str | None) -> None:
            self.api.send_to_group(connection, key, group_message(connection, part, media_id))

        def upload(part: FilePart) -> str:
            return self.api.upload_to_group(connection, key, part.name, part.content)

        self._send_all(ref, parts, _SendRoute(send, upload, group_bucket(connection), TO_GROUP))

    def _send_all(self, ref: DeliveryProgressRef, parts: Sequence[OutgoingPart], way: "_SendRoute") -> None:
        holder, started_at = self.entropy.bytes(8).hex(), self.clock.now()
        # held before the first part: two senders would mix up the order and send parts twice
        sent = self.store.hold(ref, holder, started_at, started_at + HELD_MS)
        if sent is None:
            raise DeliveryDeferred("another process is delivering it", HELD_MS // 1000)
        try:
            for part in parts[sent.count :]:
                # progress is recorded, so the next attempt continues here
                if self.clock.now() - started_at > VISIT_MS:
                    raise DeliveryDeferred("the rest follows with the next attempt", 1)
                sent = self._send(ref, holder, part, sent, way)
        finally:
            # if this fails, the hold expires
            self.store.release(ref, holder)

    def _send(
        self,
        ref: DeliveryProgressRef,
        holder: str,
        part: OutgoingPart,
        sent: DeliveryProgress,
        way: "_SendRoute",
    ) -> DeliveryProgress:
        # counted for each attempt, because WeCom counts failed ones too
        self._wait_for_turn(way)
        stored = part if isinstance(part, StoredFilePart) else None
        # loaded only now, one at a time, so that ten deliveries do not hold all their files in memory
        part = stored.loaded() if stored else part
        media_id = sent.media_id
        if isinstance(part, FilePart) and media_id is None:
            try:
                media_id = self._retry_briefly(partial(way.upload, part))
            except WeComRefused as refused:
                if stored is None or refused.errcode not in FILE_REFUSED:
                    raise
                # replaced, not skipped, so that later parts keep their numbers
                part = TextPart(stored.link)
            else:
                # recorded before the message is sent, so that a retry sends the same message
                sent = self._save_progress(ref, holder, replace(sent, media_id=media_id))
        # sent first, then recorded: after a crash in between the part is sent again; WeCom drops the
        # repetition of an application's message
        self._retry_briefly(partial(way.send, part, media_id))
        return self._save_progress(ref, holder, DeliveryProgress(sent.count + 1))

    def _save_progress(
        self, ref: DeliveryProgressRef, holder: str, sent: DeliveryProgress
    ) -> DeliveryProgress:
        # False: the hold has expired, and another sender continues
        if not self.store.note(ref, holder, sent):
            raise DeliveryDeferred("another process went on with it")
        return sent

    def _wait_for_turn(self, way: "_SendRoute") -> None:
        now = self.clock.now() * 1000
        # taken before the message is sent, because WeCom silently drops messages above its limit
        taking = self.rates.take(way.bucket, way.rate, 1, now)
        if not taking.is_granted:
            wait = way.rate.wait(taking.tat, now)
            raise DeliveryDeferred("WeCom takes no more messages for now", max(1, -(-wait // 1_000_000)))

    def _retry_briefly[T](self, ask: Callable[[], T]) -> T:
        """Call, with a few retries while WeCom is busy."""
        for _ in range(QUICK_TRIES - 1):
            try:
                return ask()
            except WeComRefused as refused:
                if remedy(refused.errcode) is not Remedy.AGAIN:
                    raise
            self.pause(PAUSE_SECONDS)
        return ask()


@dataclass(frozen=True)
class _SendRoute:
    """How parts are sent to a chat, and at which rate."""

    send: Callable[[OutgoingPart, str | None], None]
    upload: Callable[[FilePart], str]
    bucket: Bucket
    rate: Rate
