"""The task queue in memory: visibility timeouts by the clock, receive counts, a dead-letter queue."""

from collections.abc import Callable
from dataclasses import dataclass, field

from a2a_tasks.domain.schedule import goes_first
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery

MAX_DELAY_SECONDS = 900
MAX_HIDDEN_SECONDS = 43_200


@dataclass
class Message:
    """A message as the queue keeps it. ``visible_at`` is in Unix milliseconds."""

    message_id: str
    ref: TaskRef | None
    correlation_id: str
    visible_at: int
    is_urgent: bool = False
    is_direct: bool = False
    project_id: str = ""
    receive_count: int = 0
    receipt: str | None = None


@dataclass
class MemoryQueue:
    """``WorkerQueue`` and ``QueueLength``, with SQS's behaviour.

    A receipt is valid until the message is received again: an older one deletes nothing and hides nothing.
    """

    clock: Clock
    visibility_seconds: int = 5_400
    max_receives: int = 10
    dead: "MemoryQueue | None" = None
    is_open: Callable[[], bool] = lambda: False
    """Whether a worker takes direct messages."""
    messages: list[Message] = field(default_factory=list)
    sent: int = 0

    def send(self, task: Task, delay_seconds: int = 0, *, has_slot: bool = False) -> None:
        if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
            raise QueueUnavailable(f"a delay of {delay_seconds} s is not possible")
        message = self.put(task.ref, task.correlation_id, delay_seconds)
        message.is_urgent = has_slot or goes_first(task)
        if not delay_seconds and self.is_open():
            message.is_direct, message.project_id = True, task.project_id

    def put(self, ref: TaskRef | None, correlation_id: str = "", delay_seconds: int = 0) -> Message:
        """Add any message; without a ``ref``, one with a body that names no task."""
        self.sent += 1
        visible_at = self.clock.now() + delay_seconds * 1000
        message = Message(f"message-{self.sent}", ref, correlation_id, visible_at)
        self.messages.append(message)
        return message

    def waiting(self, *, is_urgent: bool) -> int:
        now = self.clock.now()
        there = (m for m in self.messages if m.visible_at <= now and not m.is_direct)
        return sum(m.is_urgent is is_urgent for m in there)

    def receive(
        self, limit: int = 10, visibility_seconds: int | None = None, *, only_urgent: bool = False
    ) -> list[Delivery]:
        """Up to ``limit`` visible messages, urgent ones first, invisible for the queue's visibility timeout
        or the given one; those received too often are moved to ``dead``."""
        there = [m for m in self.messages if not m.is_direct and m.is_urgent >= only_urgent]
        return self._receive(there, limit, visibility_seconds)

    def receive_direct(self, limit: int, visibility_seconds: int, wait_seconds: int) -> list[Delivery]:  # noqa: ARG002  no time passes in here
        return self._receive([m for m in self.messages if m.is_direct], limit, visibility_seconds)

    def put_back(self, delivery: Delivery, seconds: int) -> None:
        message = self._in_flight(delivery)
        self.change_visibility([delivery], seconds)
        if message is not None and message.is_direct:
            self.sent += 1
            message.message_id, message.receipt = f"message-{self.sent}", None
            message.is_direct, message.receive_count = False, 0

    def _receive(self, there: list[Message], limit: int, visibility_seconds: int | None) -> list[Delivery]:
        now = self.clock.now()
        received: list[Delivery] = []
        visible = [m for m in there if m.visible_at <= now]
        for message in sorted(visible, key=lambda message: not message.is_urgent):
            if len(received) == limit:
                break
            if self.dead is not None and message.receive_count >= self.max_receives:
                self.messages.remove(message)
                self.dead.put(message.ref, message.correlation_id)
                continue
            received.append(self.deliver(message, visibility_seconds))
        return received

    def deliver(self, message: Message, visibility_seconds: int | None = None) -> Delivery:
        """Deliver this message now, visible or not, as an at-least-once queue may."""
        message.receive_count += 1
        message.receipt = f"{message.message_id}#{message.receive_count}"
        seconds = self.visibility_seconds if visibility_seconds is None else visibility_seconds
        message.visible_at = self.clock.now() + seconds * 1000
        return Delivery(
            message.message_id,
            message.receipt,
            message.ref,
            message.correlation_id,
            message.receive_count,
            message.is_urgent,
            message.is_direct,
            message.project_id,
        )

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        now = self.clock.now()
        if not 0 <= seconds <= MAX_HIDDEN_SECONDS:
            raise QueueUnavailable(f"a message cannot be invisible for {seconds} s")
        failed = 0
        for delivery in deliveries:
            message = self._in_flight(delivery)
            if message is None or message.visible_at <= now:
                failed += 1
            else:
                message.visible_at = now + seconds * 1000
        if failed:
            raise QueueUnavailable(
                f"{failed} of {len(deliveries)} messages keep their visibility timeout: MessageNotInflight"
            )

    def delete(self, delivery: Delivery) -> None:
        message = self._in_flight(delivery)
        if message is not None:
            self.messages.remove(message)

    def settle(self, delivered: list[Delivery], kept: list[str]) -> None:
        """What Lambda does after an invocation: delete every message that was not reported as failed."""
        for delivery in delivered:
            if delivery.message_id not in kept:
                self.delete(delivery)

    def _in_flight(self, delivery: Delivery) -> Message | None:
        return next((m for m in self.messages if m.receipt == delivery.receipt), None)
