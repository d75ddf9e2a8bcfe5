"""The task queue under load: the twin's rules, with messages found by time and by receipt."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from a2a_tasks.domain.task import TaskRef
from a2a_tasks.ports.queue import Delivery
from tests.twins.queue import MemoryQueue, Message


@dataclass
class BigQueue(MemoryQueue):
    """``MemoryQueue`` for any number of messages; the longest visible one comes first. ``on_message`` is told
    when one can be received at once."""

    on_message: Callable[[], object] = lambda: None
    _visible: deque[Message] = field(default_factory=deque)
    _hidden: list[tuple[int, int, Message]] = field(default_factory=list)
    _of_receipt: dict[str | None, Message] = field(default_factory=dict)
    _live: set[str] = field(default_factory=set)
    _number: int = 0

    def put(self, ref: TaskRef | None, correlation_id: str = "", delay_seconds: int = 0) -> Message:
        message = super().put(ref, correlation_id, delay_seconds)
        self.messages.clear()
        self._live.add(message.message_id)
        self._hide(message)
        if not delay_seconds:
            self.on_message()
        return message

    def receive(self, limit: int = 10, hidden_seconds: int | None = None) -> list[Delivery]:
        received: list[Delivery] = []
        while len(received) < limit and self.visible():
            message = self._visible.popleft()
            if self.dead is not None and message.receive_count >= self.max_receives:
                self._drop(message)
                self.dead.put(message.ref, message.correlation_id)
            else:
                received.append(self.deliver(message, hidden_seconds))
        return received

    def deliver(self, message: Message, hidden_seconds: int | None = None) -> Delivery:
        self._of_receipt.pop(message.receipt, None)
        delivery = super().deliver(message, hidden_seconds)
        self._of_receipt[message.receipt] = message
        self._hide(message)
        return delivery

    def hide(self, deliveries: list[Delivery], seconds: int) -> None:
        try:
            super().hide(deliveries, seconds)
        finally:
            for delivery in deliveries:
                if message := self._in_flight(delivery):
                    self._hide(message)

    def delete(self, delivery: Delivery) -> None:
        if message := self._in_flight(delivery):
            self._drop(message)

    def visible(self) -> int:
        """About how many messages can be received now; 0 if none can."""
        now = self.clock.now()
        while self._hidden and self._hidden[0][0] <= now:
            visible_at, _, message = heapq.heappop(self._hidden)
            if message.visible_at == visible_at and message.message_id in self._live:
                self._visible.append(message)
        while self._visible and self._is_stale(self._visible[0], now):
            self._visible.popleft()
        return len(self._visible)

    def __len__(self) -> int:
        return len(self._live)

    def _is_stale(self, message: Message, now: int) -> bool:
        return message.message_id not in self._live or message.visible_at > now

    def _in_flight(self, delivery: Delivery) -> Message | None:
        return self._of_receipt.get(delivery.receipt)

    def _hide(self, message: Message) -> None:
        self._number += 1
        heapq.heappush(self._hidden, (message.visible_at, self._number, message))

    def _drop(self, message: Message) -> None:
        self._live.discard(message.message_id)
        self._of_receipt.pop(message.receipt, None)
