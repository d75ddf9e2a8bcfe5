"""Chat commands, which this service answers instead of the agent."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import ContextRef, Task, TaskRef
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.wecom.connection import ConnectionKind
from a2a_tasks.wecom.inbound.chat import Chat
from a2a_tasks.wecom.inbound.last_answers import LastAnswers
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, duration, say, status_word
from a2a_tasks.wecom.ports import ChatStore


class Command(Enum):
    """The commands, and the words for each."""

    NEW = ("/new", "/新对话")  # begin a new conversation
    CANCEL = ("/cancel", "/取消")  # cancel the tasks of this conversation
    STATUS = ("/status", "/状态")  # list the tasks in progress
    RESULT = ("/result", "/结果")  # show the latest answer again, or an earlier one
    HELP = ("/help", "/帮助")
    ID = ("/id",)  # show the ids that WeCom uses for this user and this group
    CHINESE = ("/chinese", "/中文")
    ENGLISH = ("/english", "/英文")


_COMMANDS = {word: command for command in Command for word in command.value}
_LONGEST = 200
"""Longest message, in characters, that may be a command, including mentions."""
_MENTION = re.compile(r"^(?:@\S+\s+)+|(?:\s+@\S+)+$")
_CALL = re.compile(r"(/[^\s\d]+)(?:\s*(\d{1,3}))?(?:[\s./-]+(\d{1,3}))?[\s。.!]*")


@dataclass(frozen=True)
class CommandCall:
    """A command as the user wrote it. ``number`` and ``page`` are those of an answer."""

    command: Command
    number: int = 1
    page: int = 1


def command_of(text: str) -> CommandCall | None:
    """The command that a message consists of, if it is one. It begins with a slash, also a full-width one, so
    that the answer to a question is none; whom it mentions before or after it does not matter."""
    if len(text) > _LONGEST:
        return None
    words = unicodedata.normalize("NFKC", text).lower().strip()
    call = _CALL.fullmatch(_MENTION.sub("", words))
    command = _COMMANDS.get(call[1].rstrip("。.!")) if call else None
    if call is None or command is None or (call[2] and command is not Command.RESULT):
        return None
    return CommandCall(command, int(call[2] or 1), int(call[3] or 1))


NEWEST = 10
"""Tasks of a conversation that are looked at; older ones have ended, since they go one after the other."""


@dataclass(frozen=True)
class CommandHandler:
    """Executes commands. All of them are idempotent."""

    chats: ChatStore
    contexts: ContextStore
    tasks: Tasks
    answers: LastAnswers
    clock: Clock

    def execute(self, call: CommandCall, chat: Chat, message_key: str, correlation_id: str) -> str:
        """The reply. Raises ``StoreUnavailable``, ``PayloadUnavailable`` and ``QueueUnavailable``."""
        language = chat.language
        match command := call.command:
            case Command.RESULT if chat.connection.kind is ConnectionKind.APP:
                return self.answers.send(chat, call.number, message_key, correlation_id)
            case Command.RESULT:
                return self.answers.page(chat, call.number, call.page)
            case Command.HELP:
                return say(language, Phrase.HELP)
            case Command.ID:
                return _ids(chat)
            case Command.NEW:
                # idempotent by the message's key
                self.chats.begin(chat.connection.connection_id, chat.key, message_key)
                return say(language, Phrase.NEW)
            case Command.CHINESE | Command.ENGLISH:
                return self._set_language(chat, Language.ZH if command is Command.CHINESE else Language.EN)
            case Command.CANCEL:
                return self._cancel(self._live(chat), language)
            case Command.STATUS:
                return self._status(self._live(chat), language)

    def _set_language(self, chat: Chat, language: Language) -> str:
        self.chats.choose_language(chat.connection.connection_id, chat.key, language)
        return say(language, Phrase.LANGUAGE)

    def _live(self, chat: Chat) -> list[Task]:
        context = ContextRef(chat.connection.agent_id or "", chat.context_id)
        newest = self.contexts.newest(context, AFTER_ALL, NEWEST)
        found = self.tasks.store.get_all([TaskRef(context.agent_id, task_id) for task_id in newest])
        # like every reader, fails tasks that are past their deadline
        settled = [self.tasks.finalizer.expire_if_overdue(task) for task in found]
        own = [task for task in settled if task.project_id == chat.connection.project_id]
        return sorted((task for task in own if not task.is_terminal), key=lambda task: task.ref.task_id)

    def _cancel(self, live: list[Task], language: Language) -> str:
        count = sum(self._is_canceled(task) for task in live)
        if not count:
            return say(language, Phrase.NOTHING_TO_CANCEL)
        return say(language, Phrase.CANCELLED, count=count)

    def _is_canceled(self, task: Task) -> bool:
        try:
            self.tasks.cancel(task.project_id, task.ref.agent_id, task.ref.task_id)
        except RequestRefused:
            return False  # it has ended meanwhile, which is shown instead
        return True

    def _status(self, live: list[Task], language: Language) -> str:
        if not live:
            return say(language, Phrase.NOTHING_UNDER_WAY)
        now = self.clock.now()
        lines = (
            say(
                language,
                Phrase.STATUS,
                number=number,
                status=status_word(language, task.status.value),
                since=duration(language, now - task.created_at),
            )
            for number, task in enumerate(live, 1)
        )
        return "\n".join(lines)


def _ids(chat: Chat) -> str:
    shown = say(chat.language, Phrase.USER_ID, user=chat.user_id)
    if chat.chat_id is None:
        return shown
    return f"{shown}\n{say(chat.language, Phrase.CHAT_ID, chat=chat.chat_id)}"
