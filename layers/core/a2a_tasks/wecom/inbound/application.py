"""Handles callbacks of a self-built application: an acknowledgement at once, the result later."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.ports.errors import DepartmentsRefused
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.inbound.attachments import AppFiles, Part
from a2a_tasks.wecom.inbound.buttons import ButtonHandler, ButtonPress, CardUpdate
from a2a_tasks.wecom.inbound.chat import Chat, chat_of
from a2a_tasks.wecom.inbound.commands import CommandHandler, command_of
from a2a_tasks.wecom.inbound.messages import AcceptedMessage, InboundMessages
from a2a_tasks.wecom.inbound.user_limits import UserLimits
from a2a_tasks.wecom.phrases import Phrase, refusal_sentence, say
from a2a_tasks.wecom.ports import ChatStore, DepartmentReader
from a2a_tasks.wecom.protocol.app_messages import (
    AppEvent,
    AppFile,
    AppImage,
    AppLink,
    AppLocation,
    AppMessage,
    AppText,
    AppVoice,
    CardClick,
    Content,
)
from a2a_tasks.wecom.protocol.app_replies import button_reply, text_reply
from a2a_tasks.wecom.protocol.crypto import DecryptedMessage
from a2a_tasks.wecom.protocol.deduplication import replay_key
from a2a_tasks.wecom.users import is_admitted, needs_departments


@dataclass(frozen=True)
class Application:
    """Raises as ``Bot`` does for what must come again, and ``DepartmentsUnavailable``."""

    asking: InboundMessages
    chats: ChatStore
    commander: CommandHandler
    user_limits: UserLimits
    buttons: ButtonHandler
    files: AppFiles
    telemetry: Telemetry
    departments: DepartmentReader

    def answer(
        self,
        connection: Connection,
        received: DecryptedMessage[AppMessage | AppEvent],
        correlation_id: str,
        now: int,
    ) -> str | None:
        """The reply as XML, before it is encrypted; None for nothing. ``now`` is in Unix milliseconds."""
        match received.message:
            case AppMessage() as message:
                return text_reply(message, self._message(connection, message, correlation_id), now)
            case AppEvent() as event:
                return self._event(connection, event, correlation_id, now)

    def _message(self, connection: Connection, message: AppMessage, correlation_id: str) -> str:
        try:
            if not self._is_admitted(connection, message.user_id):
                return say(connection.language, Phrase.NOT_ALLOWED, user=message.user_id)
        except DepartmentsRefused as refused:
            # reported, and not retried: only an operator can correct it
            self._report_to_operator(connection, refused, correlation_id)
            return say(connection.language, Phrase.FAILED)
        chat = chat_of(self.chats, connection, message.user_id, None)
        try:
            return self._handle_message(chat, message, replay_key(message) or "", correlation_id)
        except RequestRefused as refused:
            self.telemetry.event("message rejected", code=refused.code, correlation_id=correlation_id)
            return refusal_sentence(chat.language, refused.code)

    def _handle_message(self, chat: Chat, message: AppMessage, message_key: str, correlation_id: str) -> str:
        said = message.content
        text = "" if isinstance(said, AppImage | AppFile) else _text_of(said)
        if text is None:
            phrase = Phrase.VOICE if isinstance(said, AppVoice) else Phrase.UNSUPPORTED_BY_APP
            return say(chat.language, phrase)
        if is_blank(text) and not isinstance(said, AppImage | AppFile):
            return say(chat.language, Phrase.NOTHING_SAID)
        call = command_of(text)
        if (refusal := self.user_limits.refusal(chat, call)) is not None:
            return say(chat.language, refusal)
        if call is not None:
            return self.commander.execute(call, chat, message_key, correlation_id)
        parts: tuple[Part, ...] = ()
        if isinstance(said, AppImage | AppFile):
            # only for messages that become a task, because each file is a call of the sender
            part = self.files.part(chat.connection, said.media_id, chat.language)
            if isinstance(part, str):
                return part
            parts = (part,)
        self.asking.ask(AcceptedMessage(chat, message_key, text.strip(), False, correlation_id, parts=parts))
        self.telemetry.count("WecomMessages")
        return say(chat.language, Phrase.ACCEPTED)

    def _event(self, connection: Connection, event: AppEvent, correlation_id: str, now: int) -> str | None:
        if event.click is None and event.event != "subscribe":
            return None
        try:
            if not self._is_admitted(connection, event.user_id):
                return None
        except DepartmentsRefused as refused:
            self._report_to_operator(connection, refused, correlation_id)
            return None
        if event.click is not None:
            update = self._press(connection, event, event.click, correlation_id)
            return button_reply(event, update.label, now) if update else None
        welcome = connection.welcome or say(connection.language, Phrase.WELCOME)
        return text_reply(event, welcome, now)

    def _press(
        self, connection: Connection, event: AppEvent, click: CardClick, correlation_id: str
    ) -> CardUpdate | None:
        chat = chat_of(self.chats, connection, event.user_id, None)
        return self.buttons.press(ButtonPress(chat, click.task_id, event.event_key, correlation_id))

    def _is_admitted(self, connection: Connection, user_id: str) -> bool:
        if not needs_departments(connection, user_id):
            return is_admitted(connection, user_id)
        return is_admitted(connection, user_id, self.departments.departments(connection, user_id))

    def _report_to_operator(
        self, connection: Connection, refused: DepartmentsRefused, correlation_id: str
    ) -> None:
        self.telemetry.problem(
            "WeCom refused to return departments",
            reason=str(refused),
            connection_id=connection.connection_id,
            correlation_id=correlation_id,
        )
        self.telemetry.count("WecomErrors")


def _text_of(content: Content) -> str | None:
    """The message as the agent sees it; None for kinds that it cannot be shown."""
    match content:
        case AppText():
            return content.content
        case AppLocation():
            return f"{content.label} ({content.latitude}, {content.longitude})"
        case AppLink():
            return "\n".join(filter(None, (content.title, content.description, content.url)))
        case _:
            return None
