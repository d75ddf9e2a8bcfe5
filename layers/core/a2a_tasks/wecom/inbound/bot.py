"""Handles callbacks of an AI bot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.cards import pressed_card
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.exchange import ExchangeRef, Feedback
from a2a_tasks.wecom.inbound.attachments import BotFiles
from a2a_tasks.wecom.inbound.buttons import ButtonHandler, ButtonPress
from a2a_tasks.wecom.inbound.chat import Chat, chat_of
from a2a_tasks.wecom.inbound.commands import CommandHandler, command_of
from a2a_tasks.wecom.inbound.content import MessageContent, content_of
from a2a_tasks.wecom.inbound.messages import AcceptedMessage, InboundMessages
from a2a_tasks.wecom.inbound.stream_refresh import StreamRefreshHandler, frame_of
from a2a_tasks.wecom.inbound.user_limits import UserLimits
from a2a_tasks.wecom.phrases import Phrase, refusal_sentence, say
from a2a_tasks.wecom.ports import ChatStore, ExchangeStore
from a2a_tasks.wecom.protocol.bot_messages import (
    BotCallback,
    BotMessage,
    CardEvent,
    EnterChat,
    FeedbackEvent,
    StreamRefresh,
    UnsupportedEvent,
)
from a2a_tasks.wecom.protocol.bot_replies import stream_frame, update_card, welcome_text
from a2a_tasks.wecom.protocol.crypto import CallbackKey, DecryptedMessage
from a2a_tasks.wecom.protocol.deduplication import replay_key
from a2a_tasks.wecom.protocol.text import fit
from a2a_tasks.wecom.result_texts import noted
from a2a_tasks.wecom.users import is_admitted

NOTE_BYTES = 600
MAX_OPINION = 2_000
"""Limit of a feedback text, in characters."""


@dataclass(frozen=True)
class Bot:
    """Raises ``StoreUnavailable``, ``PayloadUnavailable`` or ``SealingUnavailable`` if WeCom must send the
    callback again; every other problem gets a reply."""

    asking: InboundMessages
    chats: ChatStore
    commander: CommandHandler
    user_limits: UserLimits
    buttons: ButtonHandler
    refreshes: StreamRefreshHandler
    files: BotFiles
    exchanges: ExchangeStore
    clock: Clock
    telemetry: Telemetry

    def answer(
        self,
        connection: Connection,
        received: DecryptedMessage[BotCallback],
        correlation_id: str,
        seconds_left: Callable[[], float],
    ) -> dict[str, Any] | None:
        """The reply, before it is encrypted; None for nothing."""
        match received.message:
            case StreamRefresh() as refresh:
                return self.refreshes.frame(connection, refresh.stream_id)
            case BotMessage() as message:
                return self._message(connection, message, received.key, correlation_id, seconds_left)
            case EnterChat():
                return welcome_text(connection.welcome or say(connection.language, Phrase.WELCOME))
            case CardEvent() as click:
                return self._press(connection, click, correlation_id)
            case FeedbackEvent() as opinion:
                self._keep(connection, opinion)
                return None
            case UnsupportedEvent():
                return None

    def _message(
        self,
        connection: Connection,
        message: BotMessage,
        key: CallbackKey,
        correlation_id: str,
        seconds_left: Callable[[], float],
    ) -> dict[str, Any]:
        message_key, origin = replay_key(message) or "", message.origin
        # checked before anything is read or counted for the user
        if not is_admitted(connection, origin.user_id):
            refusal = say(connection.language, Phrase.NOT_ALLOWED, user=origin.user_id)
            return stream_frame(message_key, refusal, finish=True)
        chat = chat_of(self.chats, connection, origin.user_id, origin.chat_id)
        content = content_of(message, connection.bot_name)
        try:
            sentence = self._at_once(chat, content, message_key, correlation_id)
            if sentence is None:
                items = content.for_agent(chat.language)
                # while WeCom waits, because the addresses expire after five minutes
                attached = self.files.attached(items, key, seconds_left, chat.language)
                if not content.text and not attached.has_files and attached.problems:
                    return stream_frame(message_key, attached.problems[0], finish=True)
                notes = (*content.notes(chat.language), *attached.problems)
                exchange = self.asking.ask(
                    AcceptedMessage(
                        chat=chat,
                        message_key=message_key,
                        text="\n".join(part["text"] for part in attached.parts if "text" in part),
                        streams=True,
                        correlation_id=correlation_id,
                        response_url=origin.response_url,
                        parts=attached.parts if attached.has_files else (),
                        note=fit(" ".join(notes), NOTE_BYTES) or None,
                    )
                )
                self.telemetry.count("WecomMessages")
                return frame_of(exchange, noted(exchange, say(chat.language, Phrase.RECEIVED)), finish=False)
        except RequestRefused as refused:
            self.telemetry.event("message rejected", code=refused.code, correlation_id=correlation_id)
            sentence = refusal_sentence(chat.language, refused.code)
        return stream_frame(message_key, sentence, finish=True)

    def _at_once(
        self, chat: Chat, content: MessageContent, message_key: str, correlation_id: str
    ) -> str | None:
        """Answer a message that needs no task."""
        if not content.is_readable:
            return say(chat.language, Phrase.UNSUPPORTED)
        if content.is_empty:
            return say(chat.language, Phrase.NOTHING_SAID)
        call = command_of(content.text)
        if (refusal := self.user_limits.refusal(chat, call)) is not None:
            return say(chat.language, refusal)
        return self.commander.execute(call, chat, message_key, correlation_id) if call else None

    def _press(self, connection: Connection, click: CardEvent, correlation_id: str) -> dict[str, Any] | None:
        origin = click.origin
        if not is_admitted(connection, origin.user_id):
            return None
        chat = chat_of(self.chats, connection, origin.user_id, origin.chat_id)
        update = self.buttons.press(
            ButtonPress(chat, click.task_id, click.event_key, correlation_id, origin.response_url)
        )
        if update is None:
            return None
        card = pressed_card(click.task_id, update.title, update.label)
        return update_card(card.to_json(), [] if update.for_all else [origin.user_id])

    def _keep(self, connection: Connection, opinion: FeedbackEvent) -> None:
        """Feedback on unknown or deleted exchanges is ignored."""
        ref = ExchangeRef.of_stream(opinion.feedback_id)
        exchange = self.exchanges.get(ref) if ref else None
        # the id comes from outside, so the exchange must belong to this connection
        if exchange is None or exchange.connection_id != connection.connection_id:
            return
        feedback = Feedback(opinion.type, opinion.content[:MAX_OPINION], opinion.reasons, self.clock.now())
        self.exchanges.rate(exchange.ref, feedback)
        self.telemetry.count("WecomFeedback", code={1: "GOOD", 2: "BAD"}.get(opinion.type, "NONE"))
