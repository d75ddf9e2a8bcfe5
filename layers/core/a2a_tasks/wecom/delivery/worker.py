"""Delivers answers and notifications to chats: by the response URL after the stream, as an application, or by
a group robot."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.webhooks.retry import next_try_seconds
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable, Unavailable
from a2a_tasks.ports.queues import TimedDelivery, TimedQueue
from a2a_tasks.ports.sealing import Opener, SealBroken
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.cards import last_card
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.delivery.access_tokens import TokenBusy
from a2a_tasks.wecom.delivery.errors import explain_refusal
from a2a_tasks.wecom.delivery.outgoing import mark_of, parts_for_app, parts_for_group
from a2a_tasks.wecom.delivery.sender import DeliveryDeferred, RecipientUnreachable, Sender
from a2a_tasks.wecom.exchange import (
    FINAL,
    LAST_DELIVERY_MS,
    URL_MS,
    DeliveryClaim,
    DeliveryMeans,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    end_of,
)
from a2a_tasks.wecom.exchange_end import record_end
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, say, status_word
from a2a_tasks.wecom.ports import (
    ChatDelivery,
    ConnectionReader,
    DeliveryProgressRef,
    ExchangeStore,
    Resend,
    WeComApi,
    WeComRefused,
    WeComUnanswered,
)
from a2a_tasks.wecom.protocol import errcodes
from a2a_tasks.wecom.protocol.bot_replies import response_url_markdown
from a2a_tasks.wecom.protocol.errcodes import Remedy
from a2a_tasks.wecom.result_texts import ResultTexts, noted

REFRESH_MS = 20_000
"""Time for a stream to deliver the answer. WeCom refreshes it about once a second while a user has the chat
open."""
SPAN_MS = 12 * 3_600_000
"""Retry window of an answer that cannot be delivered."""
STALE_MS = 900_000
"""After this time another message may continue a claimed delivery, for example one that an operator has
redriven."""
BUSY_SECONDS = 60
"""Delay of a message while another one delivers the same answer."""


class _NoDeliveryRoute(Exception):
    """No delivery route is left."""


@dataclass(frozen=True)
class ChatDeliveryWorker:
    """Delivers answers to chats, concurrently and independently.

    A message leaves the queue once its answer is with WeCom or cannot be delivered. What WeCom rejects for
    good is dead-lettered: an operator who has removed the cause can redrive it, and delivery continues by
    the same route.
    """

    tasks: TaskStore
    exchanges: ExchangeStore
    connections: ConnectionReader
    opener: Opener
    texts: ResultTexts
    api: WeComApi
    sender: Sender
    queue: TimedQueue
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    threads: ThreadPoolExecutor
    fixed_ip: str | None = None

    def run(self, deliveries: Sequence[TimedDelivery[ChatDelivery]]) -> list[str]:
        """The ids of the messages that must stay in the queue."""
        stays = list(self.threads.map(self._settle, deliveries))
        return [delivery.message_id for delivery, stay in zip(deliveries, stays, strict=True) if stay]

    def _settle(self, delivery: TimedDelivery[ChatDelivery]) -> bool:
        """Whether the message must stay."""
        chat_delivery = delivery.content
        if chat_delivery is None:
            self.telemetry.count("MalformedMessages")
            self.telemetry.problem("malformed chat delivery message", message_id=delivery.message_id)
            return False
        try:
            self._deliver(delivery, chat_delivery)
        except Exception as error:
            return self._after_error(delivery, chat_delivery, error)
        return False

    def _deliver(self, delivery: TimedDelivery[ChatDelivery], chat_delivery: ChatDelivery) -> None:
        if chat_delivery.exchange_id is not None:
            ref = ExchangeRef(chat_delivery.ref.task_id, chat_delivery.exchange_id)
            self._to_exchange(chat_delivery, ref, delivery)
        elif chat_delivery.group is not None:
            self._to_group(chat_delivery, chat_delivery.group)
        elif chat_delivery.resend is not None:
            self._resend_to_person(chat_delivery, chat_delivery.resend)

    def _after_error(
        self, delivery: TimedDelivery[ChatDelivery], chat_delivery: ChatDelivery, error: Exception
    ) -> bool:
        """Whether the message must stay after this error. Unexpected errors are handled too, so that they do
        not affect other deliveries."""
        match error:
            case DeliveryDeferred():
                return self._retry_later(delivery, chat_delivery, str(error), error.seconds)
            case WeComRefused():
                if errcodes.remedy(error.errcode) is not Remedy.NONE:
                    return self._retry_later(delivery, chat_delivery, str(error))
                code = errcodes.metric_code(error.errcode)
                return self._give_up(delivery, chat_delivery, explain_refusal(error, self.fixed_ip), code)
            case WeComUnanswered():
                return self._retry_later(delivery, chat_delivery, str(error))
            case RecipientUnreachable():
                return self._give_up(delivery, chat_delivery, str(error), "unreached")
            case _NoDeliveryRoute():
                self.telemetry.count("WecomUndeliverable")
                self._log_problem("answer not delivered to WeCom", chat_delivery, reason=str(error))
                return False
        if isinstance(error, Unavailable | TokenBusy):
            self._log_problem("chat delivery failed", chat_delivery, reason=str(error))
            return self._retry_later(delivery, chat_delivery, "a dependency did not respond")
        self._log_problem("chat delivery failed", chat_delivery, error=error)
        return self._retry_later(delivery, chat_delivery, "internal error")

    # ------------------------------------------------------------ the answer to an exchange

    def _to_exchange(
        self, chat_delivery: ChatDelivery, ref: ExchangeRef, delivery: TimedDelivery[ChatDelivery]
    ) -> None:
        exchange = self.exchanges.get(ref)
        # delivered by the stream, or for another copy of this message
        if exchange is None or exchange.state in FINAL:
            return
        task = self.tasks.get(chat_delivery.ref)
        if task is None:
            return  # the task was deleted, and its exchange with it
        # if the end is recorded only now, the stream gets its whole time, even if the message is older
        is_new = exchange.end is None
        exchange = record_end(self.exchanges, exchange, task)
        # the message is early, or the exchange was delivered just now
        if exchange.end is None or exchange.state in FINAL:
            return
        connection = self.connections.connection(exchange.connection_id)
        if connection is not None and connection.kind is ConnectionKind.BOT:
            # the stream goes first, because a response URL works only once and for an hour
            self._leave_to_stream(exchange, delivery, is_new=is_new)
            if self._by_url(exchange, connection, delivery):
                return
        self._by_push(exchange, exchange.end, task, connection, delivery)

    def _leave_to_stream(
        self, exchange: Exchange, delivery: TimedDelivery[ChatDelivery], *, is_new: bool
    ) -> None:
        """Raises ``DeliveryDeferred`` while WeCom may still ask for the stream."""
        now = self.clock.now()
        if exchange.state is not ExchangeState.OPEN or now - exchange.started_at >= LAST_DELIVERY_MS:
            return
        left_ms = REFRESH_MS if is_new else delivery.sent_at + REFRESH_MS - now
        if left_ms > 0:
            raise DeliveryDeferred("the stream may take it", -(-left_ms // 1000))

    def _claimed(
        self, exchange: Exchange, means: DeliveryMeans, delivery: TimedDelivery[ChatDelivery]
    ) -> bool:
        """Claim the delivery for this message. False if it is finished. Raises ``DeliveryDeferred`` while
        another message has it."""
        now = self.clock.now()
        # the message's id identifies the claim, so that every attempt of the message continues it
        claim = DeliveryClaim(means, delivery.message_id, now)
        found = self.exchanges.claim(exchange.ref, claim, now - STALE_MS)
        if found is None or found.state in FINAL:
            return False
        if found.claim is None or found.claim.claim_id != claim.claim_id:
            raise DeliveryDeferred("another message's delivery is under way", BUSY_SECONDS)
        return True

    def _by_url(
        self, exchange: Exchange, connection: Connection, delivery: TimedDelivery[ChatDelivery]
    ) -> bool:
        """True if nothing is left to do; False if the response URL cannot be used and another route is
        needed."""
        url = self._url(exchange)
        if url is None or not self._may_use_url(exchange):
            return False
        # the URL works once: if there was an earlier attempt, a refusal now means that it had arrived
        was_tried = exchange.claim is not None and exchange.claim.means is DeliveryMeans.URL
        # read before the claim: an unreadable answer must not be claimed
        text = self.texts.fitting(exchange)
        # claimed before it is sent, so that a retry uses the same route
        if not self._claimed(exchange, DeliveryMeans.URL, delivery):
            return True
        try:
            self.api.respond(connection, url, response_url_markdown(text))
        except WeComRefused as refused:
            # nothing has arrived for certain only without an earlier attempt
            if errcodes.remedy(refused.errcode) is not Remedy.NONE:
                raise
            if not was_tried:
                self._log_exchange(exchange, "response URL refused", errcode=refused.errcode)
                return False
        self._delivered(exchange, DeliveryMeans.URL, delivery)
        return True

    def _may_use_url(self, exchange: Exchange) -> bool:
        is_in_time = self.clock.now() - exchange.started_at < URL_MS
        return is_in_time and (exchange.claim is None or exchange.claim.means is DeliveryMeans.URL)

    def _url(self, exchange: Exchange) -> str | None:
        if exchange.sealed_url is None:
            return None
        try:
            return self.opener.open(exchange.sealed_url, exchange.sealing_context).decode()
        except SealBroken:
            # encrypted for another exchange, or the key was deleted: another route is used
            self._log_exchange(exchange, "response URL cannot be decrypted")
            return None

    def _by_push(
        self,
        exchange: Exchange,
        end: ExchangeEnd,
        task: Task,
        connection: Connection | None,
        delivery: TimedDelivery[ChatDelivery],
    ) -> None:
        # route and texts are read before the claim: an unreadable answer must not be claimed
        via = self._pusher(exchange, connection)
        found = self.texts.of_task(task, end, exchange.language) if via else None
        if not self._claimed(exchange, DeliveryMeans.PUSH, delivery):
            return
        if via is None or found is None:
            # recorded, so that no other copy of the message tries again
            self.exchanges.settle(exchange.ref, delivery.message_id, ExchangeState.UNDELIVERABLE)
            raise _NoDeliveryRoute(
                "it came too late for its response address, and there is no fallback for it"
            )
        found = replace(found, text=noted(exchange, found.text))
        task_id, exchange_id = exchange.ref.task_id, exchange.ref.exchange_id
        parts_ref = DeliveryProgressRef(task_id, exchange_id)
        if via.kind is ConnectionKind.APP:
            mark = mark_of(task_id, exchange_id)
            card = last_card(exchange) if connection == via else None
            parts = parts_for_app(via, found, task_id, exchange.started_at, mark, exchange.language, card)
            self.sender.to_member(via, exchange.user_id, parts_ref, parts)
        else:
            headline = _headline(exchange.agent_id, end, exchange.language)
            parts = parts_for_group(via, headline, found, task_id, exchange.language)
            self.sender.to_group(via, parts_ref, parts)
        self._delivered(exchange, DeliveryMeans.PUSH, delivery)

    def _pusher(self, exchange: Exchange, connection: Connection | None) -> Connection | None:
        """The connection that can send the answer as a message: the application itself, or the fallback."""
        if connection is None or connection.kind is ConnectionKind.APP:
            return connection
        # read at each attempt, because an operator may have corrected it
        fallback = self.connections.connection(connection.fallback) if connection.fallback else None
        if fallback is None or not fallback.enabled or fallback.project_id != exchange.project_id:
            return None
        if fallback.kind is ConnectionKind.GROUP and (
            exchange.chat_id is None or exchange.chat_id != fallback.chat_id
        ):
            # answers to questions from other groups or direct chats must not be shown in this group
            return None
        return None if fallback.kind is ConnectionKind.BOT else fallback

    def _delivered(
        self, exchange: Exchange, means: DeliveryMeans, delivery: TimedDelivery[ChatDelivery]
    ) -> None:
        # recorded after WeCom has it: after a crash in between, the claim makes the retry use the same route
        self.exchanges.settle(exchange.ref, delivery.message_id, ExchangeState.DELIVERED)
        self.telemetry.count("WecomDelivered", code=means.name)
        self._log_exchange(exchange, "answer delivered to WeCom", means=means.value)

    # ------------------------------------------------------------ news for a group

    def _to_group(self, chat_delivery: ChatDelivery, group: str) -> None:
        connection = self.connections.connection(group)
        task = self.tasks.get(chat_delivery.ref)
        if task is None:
            return
        is_ours = connection is not None and connection.project_id == task.project_id
        if (
            connection is None
            or not is_ours
            or connection.kind is not ConnectionKind.GROUP
            or not connection.enabled
        ):
            raise _NoDeliveryRoute("the group's connection is gone or switched off")
        end = _announced_end(task, chat_delivery)
        if end is None:
            return
        language = connection.language
        found = self.texts.of_task(task, end, language, can_ask=False)
        headline = _headline(task.ref.agent_id, end, language)
        parts = parts_for_group(connection, headline, found, task.ref.task_id, language)
        # named after the change, so that each change is delivered once
        ref = DeliveryProgressRef(task.ref.task_id, f"{group}#{chat_delivery.status}#{chat_delivery.at}")
        self.sender.to_group(connection, ref, parts)
        self.telemetry.count("WecomDelivered", code="GROUP")
        self._log("notification delivered to WeCom", chat_delivery)

    # ------------------------------------------------------------ once more

    def _resend_to_person(self, chat_delivery: ChatDelivery, resend: Resend) -> None:
        task = self.tasks.get(chat_delivery.ref)
        end = end_of(task) if task else None
        if task is None or end is None:
            return
        connection = self.connections.connection(resend.connection_id)
        is_ours = connection is not None and connection.project_id == task.project_id
        if (
            connection is None
            or not is_ours
            or connection.kind is not ConnectionKind.APP
            or not connection.enabled
        ):
            raise _NoDeliveryRoute("the application's connection is gone or switched off")
        found = self.texts.of_task(task, end, resend.language)
        name = f"resend#{resend.message_key}"
        mark = mark_of(task.ref.task_id, name)
        parts = parts_for_app(connection, found, task.ref.task_id, task.created_at, mark, resend.language)
        self.sender.to_member(connection, resend.user_id, DeliveryProgressRef(task.ref.task_id, name), parts)
        self.telemetry.count("WecomDelivered", code="AGAIN")
        self._log("answer sent to WeCom again", chat_delivery)

    # ------------------------------------------------------------ later, or no more

    def _retry_later(
        self,
        delivery: TimedDelivery[ChatDelivery],
        chat_delivery: ChatDelivery,
        reason: str,
        seconds: int | None = None,
    ) -> bool:
        """Retry later, or give up. True if the message must stay."""
        # measured from SQS's send time, so an operator's redrive starts a new retry window
        left_ms = delivery.sent_at + SPAN_MS - self.clock.now()
        backoff = next_try_seconds(delivery.receive_count, left_ms, None, self.entropy.fraction())
        wait = backoff if seconds is None or backoff is None else seconds
        if wait is None:
            return self._give_up(delivery, chat_delivery, reason, "late")
        try:
            self.queue.change_visibility(delivery, wait)
        except QueueUnavailable as error:
            # the message returns after the queue's default visibility timeout
            self._log_problem("chat delivery not rescheduled", chat_delivery, reason=str(error))
            return True
        self.telemetry.count("WecomRetries")
        self._log(
            "chat delivery rescheduled",
            chat_delivery,
            reason=reason,
            seconds=wait,
            tries=delivery.receive_count,
        )
        return True

    def _give_up(
        self, delivery: TimedDelivery[ChatDelivery], chat_delivery: ChatDelivery, reason: str, code: str
    ) -> bool:
        """Dead-letter the message. A claim keeps its route, so that a redriven message continues by the same
        one."""
        try:
            # left first, or a message that is redriven at once would have to wait for the claim
            if chat_delivery.exchange_id is not None:
                ref = ExchangeRef(chat_delivery.ref.task_id, chat_delivery.exchange_id)
                self.exchanges.leave(ref, delivery.message_id)
        except StoreUnavailable as error:  # a redriven message then waits until the claim is stale
            self._log_problem("claim of chat delivery not released", chat_delivery, reason=str(error))
        try:
            self.queue.dead_letter(delivery, reason)
        except QueueUnavailable as error:
            self._log_problem("chat delivery not dead-lettered", chat_delivery, reason=str(error))
            return True
        self.telemetry.count("WecomGivenUp", code=code)
        self._log_problem("chat delivery given up", chat_delivery, reason=reason)
        return False

    def _log(self, name: str, chat_delivery: ChatDelivery, **fields: object) -> None:
        self.telemetry.event(name, None, **_ids(chat_delivery), **fields)

    def _log_problem(
        self, name: str, chat_delivery: ChatDelivery, error: Exception | None = None, **fields: object
    ) -> None:
        self.telemetry.problem(name, None, error=error, **_ids(chat_delivery), **fields)

    def _log_exchange(self, exchange: Exchange, name: str, **fields: object) -> None:
        ids = {
            "task_id": exchange.ref.task_id,
            "agent_id": exchange.agent_id,
            "project_id": exchange.project_id,
            "exchange_id": exchange.ref.exchange_id,
            "connection_id": exchange.connection_id,
        }
        self.telemetry.event(name, None, **ids, **fields)


def _announced_end(task: Task, chat_delivery: ChatDelivery) -> ExchangeEnd | None:
    """The change to deliver; None for a question that was answered meanwhile."""
    if task.is_terminal:
        return ExchangeEnd(chat_delivery.at, task.status) if task.status is chat_delivery.status else None
    if (
        task.status is Status.INPUT_REQUIRED
        and task.question is not None
        and task.updated_at == chat_delivery.at
    ):
        return ExchangeEnd(chat_delivery.at, task.status, task.question.text)
    return None


def _headline(agent_id: str, end: ExchangeEnd, language: Language) -> str:
    return say(language, Phrase.NEWS, agent=agent_id, status=status_word(language, end.status))


def _ids(chat_delivery: ChatDelivery) -> dict[str, object]:
    return {
        "task_id": chat_delivery.ref.task_id,
        "agent_id": chat_delivery.ref.agent_id,
        "project_id": chat_delivery.project_id,
        "correlation_id": chat_delivery.correlation_id,
        "exchange_id": chat_delivery.exchange_id,
        "group": chat_delivery.group,
        "change": chat_delivery.status.value,
    }
