"""Queues with retries limited by time, in memory: the sender's side, and the deliverer's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import SendFailure, TimedDelivery

MAX_HIDDEN_SECONDS = 43_200


class HasProjectId(Protocol):
    @property
    def project_id(self) -> str: ...


@dataclass
class MemorySender[T]:
    """``TimedSender``. ``sent`` are all messages in order, including duplicates."""

    sent: list[T] = field(default_factory=list)

    def send(self, contents: Sequence[T]) -> list[SendFailure[T]]:
        self.sent += contents
        return []


@dataclass
class Message[T]:
    """A message as the queue keeps it. Times are Unix milliseconds."""

    message_id: str
    content: T | None
    group_id: str | None
    sent_at: int
    visible_at: int
    receive_count: int = 0
    receipt: str = ""


@dataclass
class MemoryTimedQueue[T: HasProjectId]:
    """``TimedQueue``, with SQS's behaviour. ``dead`` are the dead letters, each with its reason."""

    clock: Clock
    visibility_seconds: int
    messages: list[Message[T]] = field(default_factory=list)
    dead: list[tuple[TimedDelivery[T], str]] = field(default_factory=list)
    put_in: int = 0

    def put(self, content: T | None) -> None:
        """Add any message; without a content, one with an invalid body."""
        self.put_in += 1
        now = self.clock.now()
        group_id = content.project_id if content else None
        self.messages.append(Message(f"message-{self.put_in}", content, group_id, now, now))

    def receive(self) -> list[TimedDelivery[T]]:
        """The visible messages, at most ten, invisible for the queue's visibility timeout."""
        now = self.clock.now()
        visible = [message for message in self.messages if message.visible_at <= now][:10]
        return [self._deliver(message, now) for message in visible]

    def change_visibility(self, delivery: TimedDelivery[Any], seconds: int) -> None:
        message = self._in_flight(delivery)
        if not 0 <= seconds <= MAX_HIDDEN_SECONDS or message is None:
            raise QueueUnavailable(f"the message cannot be invisible for {seconds} s")
        message.visible_at = self.clock.now() + seconds * 1000

    def dead_letter(self, delivery: TimedDelivery[Any], reason: str) -> None:
        self.dead.append((delivery, reason))

    def settle(self, delivered: Sequence[TimedDelivery[T]], kept: Sequence[str]) -> None:
        """What Lambda does after an invocation: delete every message that was not reported as failed."""
        done = {delivery.receipt for delivery in delivered if delivery.message_id not in kept}
        self.messages = [message for message in self.messages if message.receipt not in done]

    def next_visible_at(self) -> int | None:
        return min((message.visible_at for message in self.messages), default=None)

    def _deliver(self, message: Message[T], now: int) -> TimedDelivery[T]:
        message.receive_count += 1
        message.receipt = f"{message.message_id}#{message.receive_count}"
        message.visible_at = now + self.visibility_seconds * 1000
        return TimedDelivery(
            message_id=message.message_id,
            receipt=message.receipt,
            body=repr(message.content),
            group_id=message.group_id,
            content=message.content,
            sent_at=message.sent_at,
            receive_count=message.receive_count,
        )

    def _in_flight(self, delivery: TimedDelivery[Any]) -> Message[T] | None:
        now = self.clock.now()
        return next((m for m in self.messages if m.receipt == delivery.receipt and m.visible_at > now), None)
