"""Queues: tasks to be worked on, deliveries that are retried for a limited time, and the line for batches.

A message only triggers; the task's record is the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from a2a_tasks.domain.task import Task, TaskRef


@dataclass(frozen=True)
class Delivery:
    """One received message of the task queue."""

    message_id: str
    receipt: str
    """Receipt handle."""
    ref: TaskRef | None
    """The task. None if the body is malformed."""
    correlation_id: str
    receive_count: int
    """``ApproximateReceiveCount``: 1 on the first delivery."""
    is_urgent: bool = False
    """It goes first."""
    is_direct: bool = False
    """It came from the direct queue, which starts no worker."""
    project_id: str = ""
    """The task's project. Only known of direct messages."""


class TaskSender(Protocol):
    """Announces tasks to workers."""

    def send(self, task: Task, delay_seconds: int = 0, *, has_slot: bool = False) -> None:
        """Send the message of a task: directly to the workers that are up, if one of them takes tasks and the
        message need not be delayed; else to the queues whose event sources start workers.

        Args:
            task: Is urgent if it ``goes_first``.
            delay_seconds: Delay before a worker can receive it (0–900).
            has_slot: The task holds a slot that no other task can use meanwhile, so it is urgent too.

        Raises:
            QueueUnavailable: The message may or may not have been sent.
        """
        ...


class QueueLength(Protocol):
    """Number of waiting messages."""

    def waiting(self, *, is_urgent: bool) -> int:
        """Approximate number of messages visible in the urgent queue, or in the other one. Raises
        ``QueueUnavailable``."""
        ...


class DeliveryHandler(Protocol):
    """What a consumer does with received messages. All methods raise ``QueueUnavailable``."""

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        """Make messages invisible for ``seconds`` from now (0–43,200)."""
        ...

    def delete(self, delivery: Delivery) -> None:
        """Delete a message that needs no further processing."""
        ...


class WorkerQueue(DeliveryHandler, TaskSender, Protocol):
    """The worker's side: it settles messages, sends those of tasks that continue or have waited, and polls
    for more while it has capacity."""

    def receive(self, limit: int, visibility_seconds: int, *, only_urgent: bool = False) -> list[Delivery]:
        """Poll for up to ``limit`` messages (1–10), which become invisible for ``visibility_seconds``.

        Urgent messages are returned at once. Without any, waits up to a second for others, unless
        ``only_urgent``. Raises ``QueueUnavailable``.
        """
        ...

    def receive_direct(self, limit: int, visibility_seconds: int, wait_seconds: int) -> list[Delivery]:
        """Poll the direct queue for up to ``limit`` messages (1–10), and wait up to ``wait_seconds`` (1–20)
        for the first. Raises ``QueueUnavailable``."""
        ...

    def put_back(self, delivery: Delivery, seconds: int) -> None:
        """Return a message that comes again after ``seconds``. One of the direct queue moves to a queue that
        starts a worker, under another id; a crash in between leaves both. Raises ``QueueUnavailable``."""
        ...


@dataclass(frozen=True)
class SendFailure[T]:
    """Content that may not have reached its queue."""

    content: T
    reason: str


class TimedSender[T](Protocol):
    """Sends to a queue whose messages are retried for a limited time."""

    def send(self, contents: Sequence[T]) -> list[SendFailure[T]]:
        """Send any number of contents. Sending again is safe: the id of a delivery follows from its content,
        so that receivers can drop duplicates.

        Returns:
            Those that may not have been sent.
        """
        ...


@dataclass(frozen=True)
class TimedDelivery[T]:
    """One received message of such a queue."""

    message_id: str
    receipt: str
    """Receipt handle."""
    body: str
    group_id: str | None
    """Message group, for a FIFO or fair queue."""
    content: T | None
    """The parsed body. None if it is malformed."""
    sent_at: int
    """When it was sent, or redriven by an operator (Unix milliseconds). The retry window starts here."""
    receive_count: int
    """``ApproximateReceiveCount``: 1 on the first delivery."""


class TimedQueue(Protocol):
    """What a consumer does with received messages. Both methods raise ``QueueUnavailable``."""

    def change_visibility(self, delivery: TimedDelivery[Any], seconds: int) -> None:
        """Make a message invisible for ``seconds`` from now, up to 12 hours after it was received."""
        ...

    def dead_letter(self, delivery: TimedDelivery[Any], reason: str) -> None:
        """Send a copy to the dead-letter queue. The caller still has to delete the message itself."""
        ...


class BatchQueue(Protocol):
    """Where tasks of the batch lane wait."""

    def enqueue(self, task: Task, now: int) -> None:
        """Put a pending task into its project's line, starting at ``queued_since``. Idempotent.

        Args:
            task: A task of the batch lane.
            now: The caller's clock (Unix milliseconds).

        Raises:
            StoreUnavailable: It may or may not be in the line.
        """
        ...


def queued_since(task: Task) -> int:
    """Since when a pending task waits for a batch (Unix milliseconds). A line entry with another value is
    stale."""
    return max(task.created_at, task.not_before)
