"""Receivers of notifications, the secrets that sign, and the queue's consumer side, in memory."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from a2a_tasks.domain.push import Notification
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.faults import QueueUnavailable
from a2a_tasks.ports.webhooks import Answer, WebhookDelivery

MAX_HIDDEN_SECONDS = 43_200

type Behaviour = Answer | Exception | Callable[[], Awaitable[Answer]]


@dataclass(frozen=True)
class Post:
    """A request that a receiver got."""

    url: str
    headers: dict[str, str]
    body: bytes
    at: int


@dataclass
class MemoryReceivers:
    """``WebhookClient``: each request is answered as the next of its address's behaviours says, and from the
    last on always the same; without any, 200."""

    clock: Clock
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)

    def script(self, url: str, *behaviours: Behaviour) -> None:
        self.behaviours[url] = list(behaviours)

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        self.posts.append(Post(url, {name.lower(): value for name, value in headers}, body, self.clock.now()))
        script = self.behaviours.get(url, [Answer(200)])
        behaviour = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(behaviour, Exception):
            raise behaviour
        return behaviour if isinstance(behaviour, Answer) else await behaviour()


@dataclass
class MemorySigningSecrets:
    """``SigningSecrets``."""

    by_project: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of_project(self, project_id: str) -> tuple[str, ...]:
        return self.by_project.get(project_id, ())


@dataclass
class Message:
    """A message as the queue keeps it. ``visible_at`` is in Unix milliseconds."""

    message_id: str
    body: str
    notification: Notification | None
    group_id: str | None
    sent_at: int
    visible_at: int
    receive_count: int = 0
    receipt: str = ""


@dataclass
class MemoryWebhookQueue:
    """``WebhookQueue``, with what SQS itself does. ``dead`` are the buried, each with the reason."""

    clock: Clock
    visibility_seconds: int = 360
    messages: list[Message] = field(default_factory=list)
    dead: list[tuple[WebhookDelivery, str]] = field(default_factory=list)
    put_in: int = 0

    def put(self, notification: Notification | None) -> None:
        """Put in any message; without a notification, one whose body is none."""
        self.put_in += 1
        now = self.clock.now()
        group_id = notification.project_id if notification else None
        body = json.dumps({"notificationId": notification.notification_id}) if notification else "garbage"
        self.messages.append(Message(f"message-{self.put_in}", body, notification, group_id, now, now))

    def receive(self) -> list[WebhookDelivery]:
        """The visible messages, at most ten, hidden for the queue's own time."""
        now = self.clock.now()
        visible = [message for message in self.messages if message.visible_at <= now][:10]
        return [self._deliver(message, now) for message in visible]

    def hide(self, delivery: WebhookDelivery, seconds: int) -> None:
        message = self._in_flight(delivery)
        if not 0 <= seconds <= MAX_HIDDEN_SECONDS or message is None:
            raise QueueUnavailable(f"the message cannot be hidden for {seconds} s")
        message.visible_at = self.clock.now() + seconds * 1000

    def bury(self, delivery: WebhookDelivery, reason: str) -> None:
        self.dead.append((delivery, reason))

    def settle(self, delivered: Sequence[WebhookDelivery], kept: Sequence[str]) -> None:
        """What Lambda does after an invocation: delete every message that was not reported as failed."""
        done = {delivery.receipt for delivery in delivered if delivery.message_id not in kept}
        self.messages = [message for message in self.messages if message.receipt not in done]

    def next_visible_at(self) -> int | None:
        return min((message.visible_at for message in self.messages), default=None)

    def _deliver(self, message: Message, now: int) -> WebhookDelivery:
        message.receive_count += 1
        message.receipt = f"{message.message_id}#{message.receive_count}"
        message.visible_at = now + self.visibility_seconds * 1000
        return WebhookDelivery(
            message_id=message.message_id,
            receipt=message.receipt,
            body=message.body,
            group_id=message.group_id,
            notification=message.notification,
            sent_at=message.sent_at,
            receive_count=message.receive_count,
        )

    def _in_flight(self, delivery: WebhookDelivery) -> Message | None:
        now = self.clock.now()
        return next((m for m in self.messages if m.receipt == delivery.receipt and m.visible_at > now), None)
