"""The task queue: says that a task is there to be worked on. The record, not the message, is the truth."""

from dataclasses import dataclass
from typing import Protocol

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

    def hide(self, deliveries: list[Delivery], seconds: int) -> None:
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
