"""The task queue under load: the twin's rules, with messages indexed by time and by receipt, and with
fairness."""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from a2a_tasks.domain.schedule import goes_first
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery
from tests.twins.queue import MAX_DELAY_SECONDS, MemoryQueue, Message

NOISY_SHARE, NOISY_MESSAGES = 0.1, 30
"""A group with more than this share of the messages in flight, and at least this many, is noisy:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html"""


@dataclass
class BigQueue(MemoryQueue):
    """``MemoryQueue`` for any number of messages. Of the groups that are not noisy, the message that has been
    visible for longest is received first; if all are noisy, it is from the group with the fewest in flight.
    ``on_message`` is called when a message can be received at once; ``group_of`` gives the group of a task's
    messages."""

    on_message: Callable[[], object] = lambda: None
    group_of: Callable[[TaskRef], str] = lambda _: ""
    _visible: defaultdict[str, deque[Message]] = field(default_factory=lambda: defaultdict(deque))
    _invisible: list[tuple[int, int, Message]] = field(default_factory=list)
    _of_receipt: dict[str | None, Message] = field(default_factory=dict)
    _live: dict[str, str] = field(default_factory=dict)
    """The groups of all messages."""
    _flying: set[str] = field(default_factory=set)
    _flying_of: Counter[str] = field(default_factory=Counter)
    _number: int = 0
    _sent_at: dict[str, int] = field(default_factory=dict)

    def put(self, ref: TaskRef | None, correlation_id: str = "", delay_seconds: int = 0) -> Message:
        message = super().put(ref, correlation_id, delay_seconds)
        self.messages.clear()
        self._live[message.message_id] = "" if ref is None else self.group_of(ref)
        self._sent_at[message.message_id] = self.clock.now()
        self._change_visibility(message)
        if not delay_seconds:
            self.on_message()
        return message

    def receive(
        self, limit: int = 10, visibility_seconds: int | None = None, *, only_urgent: bool = False
    ) -> list[Delivery]:
        if only_urgent:
            raise NotImplementedError("it knows one kind of message")
        received: list[Delivery] = []
        while len(received) < limit and self.visible():
            message = self._visible[self._next_group()].popleft()
            if self.dead is not None and message.receive_count >= self.max_receives:
                self._drop(message)
                self.dead.put(message.ref, message.correlation_id)
            else:
                received.append(self.deliver(message, visibility_seconds))
        return received

    def deliver(self, message: Message, visibility_seconds: int | None = None) -> Delivery:
        self._of_receipt.pop(message.receipt, None)
        delivery = super().deliver(message, visibility_seconds)
        self._of_receipt[message.receipt] = message
        if message.message_id not in self._flying:
            self._flying.add(message.message_id)
            self._flying_of[self._live[message.message_id]] += 1
        self._change_visibility(message)
        return delivery

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        try:
            super().change_visibility(deliveries, seconds)
        finally:
            for delivery in deliveries:
                if message := self._in_flight(delivery):
                    self._change_visibility(message)

    def delete(self, delivery: Delivery) -> None:
        if message := self._in_flight(delivery):
            self._drop(message)

    def visible(self) -> int:
        """The approximate number of messages that can be received now; 0 if none can."""
        now = self.clock.now()
        while self._invisible and self._invisible[0][0] <= now:
            visible_at, _, message = heapq.heappop(self._invisible)
            if message.visible_at == visible_at and message.message_id in self._live:
                self._land(message)
                self._visible[self._live[message.message_id]].append(message)
        for group, messages in list(self._visible.items()):
            while messages and self._is_stale(messages[0], now):
                messages.popleft()
            if not messages:
                del self._visible[group]
        return sum(map(len, self._visible.values()))

    @property
    def flying(self) -> int:
        return len(self._flying)

    def oldest_seconds(self) -> float:
        """The age of the oldest message; 0 without any."""
        oldest = next(iter(self._sent_at.values()), None)
        return 0.0 if oldest is None else (self.clock.now() - oldest) / 1_000

    def __len__(self) -> int:
        return len(self._live)

    def _next_group(self) -> str:
        quiet = [group for group in self._visible if not self._is_noisy(group)]
        if quiet:
            return min(quiet, key=lambda group: self._visible[group][0].visible_at)
        return min(self._visible, key=lambda group: self._flying_of[group])

    def _is_noisy(self, group: str) -> bool:
        flying = self._flying_of[group]
        return flying >= NOISY_MESSAGES and flying > NOISY_SHARE * len(self._flying)

    def _is_stale(self, message: Message, now: int) -> bool:
        return message.message_id not in self._live or message.visible_at > now

    def _in_flight(self, delivery: Delivery) -> Message | None:
        return self._of_receipt.get(delivery.receipt)

    def _change_visibility(self, message: Message) -> None:
        self._number += 1
        heapq.heappush(self._invisible, (message.visible_at, self._number, message))

    def _land(self, message: Message) -> None:
        if message.message_id in self._flying:
            self._flying.remove(message.message_id)
            self._flying_of[self._live[message.message_id]] -= 1

    def _drop(self, message: Message) -> None:
        if message.message_id in self._live:
            self._land(message)
            del self._live[message.message_id], self._sent_at[message.message_id]
        self._of_receipt.pop(message.receipt, None)


@dataclass
class TaskQueues(MemoryQueue):
    """The queue of new tasks, that of urgent ones, and the direct one."""

    new: BigQueue = field(kw_only=True)
    urgent: BigQueue = field(kw_only=True)
    direct: BigQueue = field(kw_only=True)

    def send(self, task: Task, delay_seconds: int = 0, *, has_slot: bool = False) -> None:
        if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
            raise QueueUnavailable(f"a delay of {delay_seconds} s is not possible")
        is_urgent = has_slot or goes_first(task)
        is_direct = not delay_seconds and self.is_open()
        queue = self.direct if is_direct else self._queue(is_urgent=is_urgent)
        message = queue.put(task.ref, task.correlation_id, delay_seconds)
        message.is_urgent, message.is_direct, message.project_id = is_urgent, is_direct, task.project_id

    def receive(
        self, limit: int = 10, visibility_seconds: int | None = None, *, only_urgent: bool = False
    ) -> list[Delivery]:
        urgent = self.urgent.receive(limit, visibility_seconds)
        return urgent if urgent or only_urgent else self.new.receive(limit, visibility_seconds)

    def receive_direct(self, limit: int, visibility_seconds: int, wait_seconds: int) -> list[Delivery]:  # noqa: ARG002  the process waits
        return self.direct.receive(limit, visibility_seconds)

    def put_back(self, delivery: Delivery, seconds: int) -> None:
        if not delivery.is_direct:
            self.change_visibility([delivery], seconds)
            return
        queue = self._queue(is_urgent=delivery.is_urgent)
        message = queue.put(delivery.ref, delivery.correlation_id, min(seconds, MAX_DELAY_SECONDS))
        message.is_urgent = delivery.is_urgent
        self.direct.delete(delivery)

    def change_visibility(self, deliveries: list[Delivery], seconds: int) -> None:
        for queue in (self.new, self.urgent, self.direct):
            of_queue = [delivery for delivery in deliveries if self._of(delivery) is queue]
            if of_queue:
                queue.change_visibility(of_queue, seconds)

    def delete(self, delivery: Delivery) -> None:
        self._of(delivery).delete(delivery)

    def _of(self, delivery: Delivery) -> BigQueue:
        return self.direct if delivery.is_direct else self._queue(is_urgent=delivery.is_urgent)

    def _queue(self, *, is_urgent: bool) -> BigQueue:
        return self.urgent if is_urgent else self.new
