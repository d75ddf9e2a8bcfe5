"""An AI bot's answers to what WeCom brings it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.exchange import ExchangeRef, Feedback
from a2a_tasks.wecom.inbound.attachments import Files
from a2a_tasks.wecom.inbound.commands import CommandHandler, command_of
from a2a_tasks.wecom.inbound.content import MessageContent, said_in
from a2a_tasks.wecom.inbound.messages import AcceptedMessage, InboundMessages
from a2a_tasks.wecom.inbound.people import People
from a2a_tasks.wecom.inbound.stream_refresh import Refreshes, frame_of
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, refusal_sentence, say
from a2a_tasks.wecom.ports import ExchangeStore, FileTooLarge, FileUnavailable
from a2a_tasks.wecom.protocol.bot_callback import ReceivedByBot
from a2a_tasks.wecom.protocol.bot_messages import (
    BotMessage,
    CardEvent,
    EnterChat,
    FeedbackEvent,
    StreamRefresh,
    UnsupportedEvent,
)
from a2a_tasks.wecom.protocol.bot_replies import stream_frame, update_card, welcome_text
from a2a_tasks.wecom.protocol.crypto import CallbackKey
from a2a_tasks.wecom.protocol.deduplication import replay_key
from a2a_tasks.wecom.users import is_admitted

MAX_OPINION = 2_000
"""Characters of what somebody writes about an answer."""


@dataclass(frozen=True)
class Bot:
    """What must come again raises ``StoreUnavailable``, ``PayloadUnavailable`` or ``SealingUnavailable``;
    everything else is answered, in a sentence if need be."""

    asking: InboundMessages
    commander: CommandHandler
    people: People
    refreshes: Refreshes
    files: Files
    exchanges: ExchangeStore
    clock: Clock
    telemetry: Telemetry

    def answer(
        self,
        connection: Connection,
        received: ReceivedByBot,
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
                return welcome_text(connection.welcome or say(Language.ZH, Phrase.WELCOME))
            case CardEvent() as click:
                return _taken(click)
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
        said, message_key = said_in(message), replay_key(message) or ""
        try:
            sentence = self._at_once(connection, message, said, message_key)
            if sentence is None:
                items = said.for_agent()
                parts = self.files.parts(items, key, seconds_left) if _has_files(items) else ()
                texts = (item for item in items if isinstance(item, str))
                exchange = self.asking.ask(
                    AcceptedMessage(
                        connection=connection,
                        message_key=message_key,
                        user_id=message.origin.user_id,
                        chat_id=message.origin.chat_id,
                        text="\n".join(texts),
                        language=said.language,
                        streams=True,
                        correlation_id=correlation_id,
                        response_url=message.origin.response_url,
                        parts=parts,
                    )
                )
                self.telemetry.count("WecomMessages")
                begun = say(said.language, Phrase.RECEIVED, task=exchange.ref.task_id)
                return frame_of(exchange, begun, finish=False)
        except RequestRefused as refused:
            self.telemetry.event("message not taken", code=refused.code, correlation_id=correlation_id)
            sentence = refusal_sentence(said.language, refused.code)
        except FileTooLarge:
            sentence = say(said.language, Phrase.FILE_TOO_LARGE)
        except FileUnavailable as unavailable:
            self.telemetry.event("file not read", reason=str(unavailable), correlation_id=correlation_id)
            sentence = say(said.language, Phrase.FILE_UNREADABLE)
        return stream_frame(message_key, sentence, finish=True)

    def _at_once(
        self, connection: Connection, message: BotMessage, said: MessageContent, message_key: str
    ) -> str | None:
        """What needs no task is answered at once."""
        origin = message.origin
        if not is_admitted(connection, origin.user_id):
            return say(said.language, Phrase.NOT_ALLOWED)
        if not said.is_readable:
            return say(said.language, Phrase.UNSUPPORTED)
        if said.is_empty:
            return say(said.language, Phrase.NOTHING_SAID)
        if (command := command_of(said.text)) is None:
            may_ask = self.people.may_ask(connection, origin.user_id)
            return None if may_ask else say(said.language, Phrase.TOO_FAST)
        return self.commander.execute(
            command, connection, origin.user_id, origin.chat_id, message_key, said.language
        )

    def _keep(self, connection: Connection, opinion: FeedbackEvent) -> None:
        """Opinions of what is not ours, or no longer there, are nobody's."""
        ref = ExchangeRef.of_stream(opinion.feedback_id)
        exchange = self.exchanges.get(ref) if ref else None
        if exchange is None or exchange.connection_id != connection.connection_id:
            return
        feedback = Feedback(opinion.type, opinion.content[:MAX_OPINION], opinion.reasons, self.clock.now())
        self.exchanges.rate(exchange.ref, feedback)
        self.telemetry.count("WecomFeedback", code={1: "GOOD", 2: "BAD"}.get(opinion.type, "NONE"))


def _has_files(items: tuple[object, ...]) -> bool:
    return any(not isinstance(item, str) for item in items)


def _taken(click: CardEvent) -> dict[str, Any]:
    """A card that was clicked says so, for the one who clicked."""
    title = {"title": say(Language.ZH, Phrase.CARD_TAKEN)}
    card = {"card_type": "text_notice", "main_title": title, "task_id": click.task_id}
    return update_card(card, [click.origin.user_id])
