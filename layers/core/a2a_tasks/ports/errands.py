"""Errands: answers and news that are to be brought to a chat, and the queue that has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.task import Status, TaskRef


@dataclass(frozen=True)
class Errand:
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


@dataclass(frozen=True)
class UnsentErrand:
    """An errand that may not be in its queue, and why."""

    errand: Errand
    reason: str


class ErrandSender(Protocol):
    def send(self, errands: Sequence[Errand]) -> list[UnsentErrand]:
        """Put any number of errands into their queue. Sending again is safe: an answer is delivered once."""
        ...


@dataclass(frozen=True)
class ErrandDelivery:
    """One received message of the queue. ``errand`` is None if its body is none; ``sent_at`` (Unix
    milliseconds) is when it was put in."""

    message_id: str
    receipt: str
    body: str
    group_id: str | None
    errand: Errand | None
    sent_at: int
    receive_count: int


class ErrandQueue(Protocol):
    """What a consumer does with deliveries. Both raise ``QueueUnavailable``."""

    def hide(self, delivery: ErrandDelivery, seconds: int) -> None:
        """Keep it from being received again for so long, from now."""
        ...

    def bury(self, delivery: ErrandDelivery, reason: str) -> None:
        """Put a copy into the dead-letter queue. The message itself is still to be deleted."""
        ...
