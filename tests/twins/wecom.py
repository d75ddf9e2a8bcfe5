"""What the sender of answers to WeCom keeps, and its queue, in memory."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from a2a_tasks.ports.access_tokens import KeptToken
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errands import Errand, ErrandDelivery, UnsentErrand
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.ports.parts import PartsRef, PartsSent

MAX_HIDDEN_SECONDS = 43_200


@dataclass
class MemoryErrands:
    """``ErrandSender``. ``sent`` are all messages in order, duplicates too."""

    sent: list[Errand] = field(default_factory=list)

    def send(self, errands: Sequence[Errand]) -> list[UnsentErrand]:
        self.sent += errands
        return []


@dataclass
class Message:
    """A message as the queue keeps it. Times are Unix milliseconds."""

    message_id: str
    errand: Errand | None
    sent_at: int
    visible_at: int
    receive_count: int = 0
    receipt: str = ""


@dataclass
class MemoryErrandQueue:
    """``ErrandQueue``, with what SQS itself does. ``dead`` are the buried, each with the reason."""

    clock: Clock
    visibility_seconds: int = 540
    messages: list[Message] = field(default_factory=list)
    dead: list[tuple[ErrandDelivery, str]] = field(default_factory=list)
    put_in: int = 0

    def put(self, errand: Errand | None) -> None:
        self.put_in += 1
        now = self.clock.now()
        self.messages.append(Message(f"message-{self.put_in}", errand, now, now))

    def receive(self) -> list[ErrandDelivery]:
        """The visible messages, at most ten, hidden for the queue's own time."""
        now = self.clock.now()
        visible = [message for message in self.messages if message.visible_at <= now][:10]
        return [self._deliver(message, now) for message in visible]

    def hide(self, delivery: ErrandDelivery, seconds: int) -> None:
        now = self.clock.now()
        found = [one for one in self.messages if one.receipt == delivery.receipt and one.visible_at > now]
        if not 0 <= seconds <= MAX_HIDDEN_SECONDS or not found:
            raise QueueUnavailable(f"the message cannot be hidden for {seconds} s")
        found[0].visible_at = now + seconds * 1000

    def bury(self, delivery: ErrandDelivery, reason: str) -> None:
        self.dead.append((delivery, reason))

    def settle(self, delivered: Sequence[ErrandDelivery], kept: Sequence[str]) -> None:
        """What Lambda does after an invocation: delete every message that was not reported as failed."""
        done = {delivery.receipt for delivery in delivered if delivery.message_id not in kept}
        self.messages = [message for message in self.messages if message.receipt not in done]

    def next_visible_at(self) -> int | None:
        return min((message.visible_at for message in self.messages), default=None)

    def _deliver(self, message: Message, now: int) -> ErrandDelivery:
        message.receive_count += 1
        message.receipt = f"{message.message_id}#{message.receive_count}"
        message.visible_at = now + self.visibility_seconds * 1000
        return ErrandDelivery(
            message_id=message.message_id,
            receipt=message.receipt,
            body="an errand",
            group_id=None,
            errand=message.errand,
            sent_at=message.sent_at,
            receive_count=message.receive_count,
        )


@dataclass
class MemoryParts:
    """``PartsStore``, atomic under one lock."""

    sent: dict[PartsRef, PartsSent] = field(default_factory=dict)
    holders: dict[PartsRef, tuple[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, ref: PartsRef, holder: str, now: int, until: int) -> PartsSent | None:
        with self._lock:
            held_by, held_until = self.holders.get(ref, (holder, 0))
            if held_by != holder and held_until > now:
                return None
            self.holders[ref] = holder, until
            return self.sent.setdefault(ref, PartsSent())

    def note(self, ref: PartsRef, holder: str, sent: PartsSent) -> bool:
        with self._lock:
            if self.holders.get(ref, ("", 0))[0] != holder:
                return False
            self.sent[ref] = replace(sent, media_id=sent.media_id or self.sent[ref].media_id)
            return True

    def let_go(self, ref: PartsRef, holder: str) -> None:
        with self._lock:
            if self.holders.get(ref, ("", 0))[0] == holder:
                del self.holders[ref]


@dataclass
class MemoryAccessTokens:
    """``AccessTokenStore``, atomic under one lock."""

    tokens: dict[str, KeptToken] = field(default_factory=dict)
    locks: dict[str, tuple[str, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, connection_id: str) -> KeptToken | None:
        return self.tokens.get(connection_id)

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        with self._lock:
            held_by, held_until = self.locks.get(connection_id, (holder, 0))
            if held_by != holder and held_until > now:
                return False
            self.locks[connection_id] = holder, until
            return True

    def put(self, connection_id: str, holder: str, token: KeptToken) -> bool:
        with self._lock:
            is_held = self.locks.get(connection_id, ("", 0))[0] == holder
            is_kept = connection_id in self.tokens and self.tokens[connection_id].sealed == token.sealed
            if not is_held and not is_kept:
                return False
            self.tokens[connection_id] = token
            self.locks.pop(connection_id, None)
            return True

    def unlock(self, connection_id: str, holder: str) -> None:
        with self._lock:
            if self.locks.get(connection_id, ("", 0))[0] == holder:
                del self.locks[connection_id]

    def drop(self, connection_id: str, sealed: bytes) -> None:
        with self._lock:
            found = self.tokens.get(connection_id)
            if found is not None and found.sealed == sealed:
                del self.tokens[connection_id]
