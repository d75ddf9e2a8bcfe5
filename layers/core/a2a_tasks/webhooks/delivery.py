"""Delivery of notifications: sign, send, and retry until the receiver acknowledges."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn, Protocol
from urllib.parse import urlsplit

from a2a_tasks.domain.task import Task
from a2a_tasks.domain.tracing.span import SpanKind, Value
from a2a_tasks.domain.tracing.task_spans import span_of, task_span_id
from a2a_tasks.domain.tracing.task_trace import span_id
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState
from a2a_tasks.domain.webhooks.push import Notification, PushFormat, StoredPushConfig
from a2a_tasks.domain.webhooks.retry import ACKNOWLEDGED, GONE, asked_seconds, next_try_seconds
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable, Unavailable
from a2a_tasks.ports.queues import TimedDelivery, TimedQueue
from a2a_tasks.ports.sealing import Opener, SealBroken
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.webhooks import (
    DeliveryLog,
    NotAnswered,
    PushConfigStore,
    ReceiverAnswer,
    SigningSecrets,
    WebhookClient,
)
from a2a_tasks.webhooks.push_secrets import opened
from a2a_tasks.webhooks.receivers import NotDelivered, Receivers
from a2a_tasks.webhooks.request_headers import headers

NOTED_MS = 30 * 24 * 3_600_000
"""How long the status of a delivery can be read."""


class BodyFormatter(Protocol):
    """Formats notifications (``a2a/push_body.py``)."""

    def body(self, task: Task, notification: Notification, form: PushFormat) -> bytes:
        """The body, the same bytes for every attempt as far as the record allows. Raises
        ``PayloadUnavailable``."""
        ...


@dataclass(frozen=True)
class WebhookRequest:
    """A notification ready to be sent."""

    config: StoredPushConfig
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)
    span_id: str
    """Id of the span of this request."""


@dataclass(frozen=True)
class Deliverer:
    """Delivers notifications concurrently and independently: a slow or dead receiver holds up no other and
    is tried by one request at a time (``Receivers``).

    A notification is retried for ``span_ms`` after it was sent to the queue, then dead-lettered. It is
    deleted from the queue only after the receiver has acknowledged it: after a crash in between the
    receiver gets it again under the same id.
    """

    tasks: TaskStore
    configs: PushConfigStore
    log: DeliveryLog
    opener: Opener
    secrets: SigningSecrets
    bodies: BodyFormatter
    client: WebhookClient
    receivers: Receivers
    queue: TimedQueue
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking
    span_ms: int

    async def deliver(self, deliveries: Sequence[TimedDelivery[Notification]]) -> list[str]:
        """Deliver, and return the ids of messages that must stay in the queue."""
        stays = await asyncio.gather(*(self._settle(delivery) for delivery in deliveries))
        return [delivery.message_id for delivery, stay in zip(deliveries, stays, strict=True) if stay]

    async def _settle(self, delivery: TimedDelivery[Notification]) -> bool:
        """Handle one message. True if it must stay."""
        notification = delivery.content
        if notification is None:
            self.telemetry.count("MalformedMessages")
            self.telemetry.problem("malformed notification message", message_id=delivery.message_id)
            return False
        try:
            await self._deliver(notification)
        except NotDelivered as not_delivered:
            problem = not_delivered
        except Unavailable as error:
            self._log_problem("notification not sent", notification, reason=str(error))
            problem = NotDelivered("a dependency did not respond")
        except Exception as error:
            # an unexpected error must not affect the other notifications
            self._log_problem("notification not sent", notification, error=error)
            problem = NotDelivered("internal error")
        else:
            return False
        return await self._retry_later(delivery, notification, problem)

    async def _deliver(self, notification: Notification) -> None:
        found = await self.run(self._found, notification)
        # the task or configuration no longer exists, so the message is deleted
        if found is None:
            self._log("notification of a deleted task or configuration", notification)
            return
        config, task = found
        receiver = self.receivers.of(task.project_id, urlsplit(config.url).netloc)
        receiver.check()  # a notification that must wait costs only the reads above
        # before the attempt, so that the receiver is not reserved during calls of KMS and the payload store
        request = await self.run(self._request, notification, config, task)
        async with receiver.attempt():
            answer = await self._post(request, task)
        noted = DeliveryNote(
            notification.config_id,
            notification.status,
            notification.at,
            DeliveryState.DELIVERED,
            tries=1,
            tried_at=self.clock.now(),
            answer=answer.status,
        )
        if answer.status == GONE:
            # HTTP 410 counts as an acknowledgement: no retry
            await self.run(self._unsubscribe, notification, request.config)
            gone = replace(noted, state=DeliveryState.GIVEN_UP, reason="the receiver unsubscribed (410)")
            await self._note(notification, gone)
            return
        self.telemetry.count("WebhooksDelivered")
        host = urlsplit(request.config.url).hostname
        self._log("notification delivered", notification, host=host, status_code=answer.status)
        await self._note(notification, noted)

    async def _post(self, request: WebhookRequest, task: Task) -> ReceiverAnswer:
        """The response of a receiver that accepted the notification, or answered 410."""
        begun_at = self.clock.now()
        try:
            answer = await self.client.post(request.config.url, request.headers, request.body)
        except NotAnswered as error:
            self._record(request, task, begun_at, None)
            raise NotDelivered(str(error), was_tried=True) from None
        self._record(request, task, begun_at, answer.status)
        if answer.status != GONE and answer.status not in ACKNOWLEDGED:
            self._refuse(answer)
        return answer

    def _record(self, request: WebhookRequest, task: Task, begun_at: int, status: int | None) -> None:
        """Record the span of a request. ``status`` is None if there was no response."""
        is_taken = status is not None and (status in ACKNOWLEDGED or status == GONE)
        attributes: dict[str, Value | None] = {
            "http.request.method": "POST",
            "http.response.status_code": status,
            "server.address": urlsplit(request.config.url).hostname,
        }
        span = span_of(
            task,
            "POST",
            request.span_id,
            task_span_id(task.ref.task_id),
            (begun_at, self.clock.now()),
            attributes,
            kind=SpanKind.CLIENT,
            error=None if is_taken else str(status or "no_answer"),
        )
        self.telemetry.span(span)

    def _found(self, notification: Notification) -> tuple[StoredPushConfig, Task] | None:
        """The configuration and the task, or None if one no longer exists: then the notification is
        obsolete."""
        config = self.configs.get(notification.ref.task_id, notification.config_id)
        task = self.tasks.get(notification.ref) if config else None
        return None if config is None or task is None else (config, task)

    def _request(self, notification: Notification, config: StoredPushConfig, task: Task) -> WebhookRequest:
        task_id = notification.ref.task_id
        secrets = self.secrets.of_project(task.project_id)
        if not secrets:
            raise NotDelivered("the project has no signing secret; `a2actl webhooks secret rotate` makes one")
        try:
            given = opened(self.opener, task_id, config)
        except SealBroken:
            # retried nevertheless until its retry window ends: a caller may replace the configuration
            # meanwhile
            raise NotDelivered("the configuration's secrets cannot be decrypted; create it anew") from None
        # built for each attempt from the notification and the record, so that the queue stores no content
        body = self.bodies.body(task, notification, config.format)
        now = self.clock.now()
        # signed with the time of this attempt, because receivers reject old signatures
        signed = headers(secrets, notification.notification_id, now // 1000, body, config.scheme, given)
        own_id = span_id(task_id, "webhook", notification.notification_id, now)
        traced = task.trace.context(own_id).to_headers() if task.trace else []
        return WebhookRequest(config, [*signed, *traced], body, own_id)

    def _unsubscribe(self, notification: Notification, config: StoredPushConfig) -> None:
        """Delete the configuration of a receiver that answered 410, unless the caller has replaced it
        since."""
        self.configs.delete(notification.ref.task_id, config.config_id, config)
        self.telemetry.count("WebhooksUnsubscribed")
        self._log("receiver unsubscribed", notification, host=urlsplit(config.url).hostname)

    def _refuse(self, answer: ReceiverAnswer) -> NoReturn:
        asked = asked_seconds(answer.status, answer.retry_after, self.clock.now())
        reason = f"the receiver answered {answer.status}"
        raise NotDelivered(reason, asked, answer=answer.status, was_tried=True)

    async def _retry_later(
        self,
        delivery: TimedDelivery[Notification],
        notification: Notification,
        problem: NotDelivered,
    ) -> bool:
        """Retry later, or dead-letter. True if the message must stay."""
        reason, asked = str(problem), problem.asked
        # measured from SQS's send time, not by receives: an operator's redrive starts a new retry window
        left_ms = delivery.sent_at + self.span_ms - self.clock.now()
        wait = next_try_seconds(delivery.receive_count, left_ms, asked, self.entropy.fraction())
        # dead-lettered before the message is deleted, so that a crash repeats it rather than losing it
        try:
            if wait is None:
                await self.run(self.queue.dead_letter, delivery, reason)
            else:
                await self.run(self.queue.change_visibility, delivery, wait)
        except QueueUnavailable as error:
            # the message returns after the queue's default visibility timeout
            self._log_problem("notification not rescheduled", notification, reason=str(error))
            return True
        if wait is None:
            self.telemetry.count("WebhooksGivenUp")
            self._log_problem("notification given up", notification, reason=reason)
            await self._note(notification, self._failed(notification, problem, None))
            return False
        self.telemetry.count("WebhookRetries")
        self._log(
            "notification rescheduled",
            notification,
            reason=reason,
            seconds=wait,
            tries=delivery.receive_count,
        )
        if problem.was_tried:
            await self._note(notification, self._failed(notification, problem, wait))
        return True

    def _failed(self, notification: Notification, problem: NotDelivered, wait: int | None) -> DeliveryNote:
        """The note of a failed attempt, or of none; ``wait`` is None if no other follows."""
        now = self.clock.now()
        return DeliveryNote(
            notification.config_id,
            notification.status,
            notification.at,
            DeliveryState.GIVEN_UP if wait is None else DeliveryState.RETRYING,
            tries=int(problem.was_tried),
            tried_at=now if problem.was_tried else None,
            answer=problem.answer,
            reason=str(problem),
            next_try_at=None if wait is None else now + wait * 1000,
        )

    async def _note(self, notification: Notification, note: DeliveryNote) -> None:
        """Record the delivery's status. A failure of this write does not affect the delivery."""
        try:
            await self.run(self.log.note, notification.ref.task_id, note, self.clock.now() + NOTED_MS)
        except StoreUnavailable as error:
            self._log_problem("delivery status not recorded", notification, reason=str(error))

    def _log(self, name: str, notification: Notification, **fields: object) -> None:
        self.telemetry.event(name, None, **_ids(notification), **fields)

    def _log_problem(
        self, name: str, notification: Notification, error: Exception | None = None, **fields: object
    ) -> None:
        self.telemetry.problem(name, None, error=error, **_ids(notification), **fields)


def _ids(notification: Notification) -> dict[str, str]:
    return {
        "task_id": notification.ref.task_id,
        "agent_id": notification.ref.agent_id,
        "project_id": notification.project_id,
        "correlation_id": notification.correlation_id,
        "config_id": notification.config_id,
        "notification_id": notification.notification_id,
        "change": notification.status.value,
    }
