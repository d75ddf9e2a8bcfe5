"""Queues whose messages are tried for a span of time, not a number of times: what receivers and chats are
told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Unsent[T]:
    """What may not be in its queue, and why."""

    content: T
    reason: str


class TimedSender[T](Protocol):
    def send(self, contents: Sequence[T]) -> list[Unsent[T]]:
        """Put any number into the queue. Sending again is safe: whoever delivers one twice does so under one
        id."""
        ...


@dataclass(frozen=True)
class TimedDelivery[T]:
    """One received message. ``content`` is None if its body is none.

    ``sent_at`` (Unix milliseconds) is when it was put into the queue, by a function or by an operator: from
    then on it is tried.
    """

    message_id: str
    receipt: str
    body: str
    group_id: str | None
    content: T | None
    sent_at: int
    receive_count: int


class TimedQueue(Protocol):
    """What a consumer does with deliveries. Both raise ``QueueUnavailable``."""

    def hide(self, delivery: TimedDelivery[Any], seconds: int) -> None:
        """Keep it from being received again for so long, from now: up to 12 hours after its receipt."""
        ...

    def bury(self, delivery: TimedDelivery[Any], reason: str) -> None:
        """Put a copy into the dead-letter queue. The message itself is still to be deleted."""
        ...
