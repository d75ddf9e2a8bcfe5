"""Queues: of tasks to be worked on, of deliveries that are tried for a span of time, and the line for a
batch.

The record, not the message, is the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from a2a_tasks.domain.task import Task, TaskRef


@dataclass(frozen=True)
class Delivery:
    """One received message. ``ref`` is None if its body names no task; ``is_urgent`` says that it came
    before those of others."""

    message_id: str
    receipt: str
    ref: TaskRef | None
    correlation_id: str
    receive_count: int
    is_urgent: bool = False


class TaskSender(Protocol):
    def send(self, task: Task, delay_seconds: int = 0, *, has_slot: bool = False) -> None:
        """Announce a task. ``delay_seconds`` is at most 900. Before new tasks comes one that ``goes_first``,
        or that has a slot, which nobody else can use until a worker has it. Raises ``QueueUnavailable``."""
        ...


class QueueLength(Protocol):
    def waiting(self, *, is_urgent: bool) -> int:
        """About how many messages could be received now, of those that go first or of all others. Raises
        ``QueueUnavailable``."""
        ...


class DeliveryHandler(Protocol):
    """What a consumer does with deliveries. All raise ``QueueUnavailable``."""

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        """Keep messages from being received again for so long, from now (0–43,200)."""
        ...

    def delete(self, delivery: Delivery) -> None: ...


class WorkerQueue(DeliveryHandler, TaskSender, Protocol):
    """The worker's side: it settles messages, sends those of tasks that go on or have waited, and takes more
    while it has room."""

    def receive(self, limit: int, hidden_seconds: int, *, only_urgent: bool = False) -> list[Delivery]:
        """Up to ``limit`` messages (1–10), hidden for so long: urgent ones that are there, or else others
        that are there within a second, but with ``only_urgent``.

        Raises ``QueueUnavailable``.
        """
        ...


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

    def change_visibility(self, delivery: TimedDelivery[Any], seconds: int) -> None:
        """Keep it from being received again for so long, from now: up to 12 hours after its receipt."""
        ...

    def dead_letter(self, delivery: TimedDelivery[Any], reason: str) -> None:
        """Put a copy into the dead-letter queue. The message itself is still to be deleted."""
        ...


class BatchLine(Protocol):
    def enqueue(self, task: Task, now: int) -> None:
        """Put a pending task in its project's line, from ``in_line_since`` on. Idempotent; ``now`` is the
        caller's clock. Raises ``StoreUnavailable``."""
        ...


def in_line_since(task: Task) -> int:
    """The moment from which a pending task waits for a batch (Unix milliseconds). An entry of the line with
    another is one that it has left."""
    return max(task.created_at, task.not_before)
