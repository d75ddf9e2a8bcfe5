"""Words that are for us, not for the agent: a new conversation, and what is under way in the present one."""

from dataclasses import dataclass
from enum import StrEnum

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import ContextRef, Task, TaskRef
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.inbound.chat import chat_key, context_id
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, say, status_word
from a2a_tasks.wecom.ports import ChatStore


class Command(StrEnum):
    """What people can ask of us instead of the agent."""

    NEW = "new"  # begin a new conversation
    CANCEL = "cancel"  # end what is under way in this one
    STATUS = "status"  # tell what is under way
    HELP = "help"


_WORDS = {
    "/new": Command.NEW,
    "新对话": Command.NEW,
    "/新对话": Command.NEW,
    "/cancel": Command.CANCEL,
    "取消": Command.CANCEL,
    "/取消": Command.CANCEL,
    "/status": Command.STATUS,
    "状态": Command.STATUS,
    "/状态": Command.STATUS,
    "/help": Command.HELP,
    "帮助": Command.HELP,
    "/帮助": Command.HELP,
}


def command_of(text: str) -> Command | None:
    """The command that a message consists of, if it is one."""
    return _WORDS.get(text.strip().lower())


NEWEST = 10
"""Tasks of a conversation that are looked at; older ones have ended, since they go one after the other."""


@dataclass(frozen=True)
class CommandHandler:
    """All that is done may be done again, and is then done already."""

    chats: ChatStore
    contexts: ContextStore
    tasks: Tasks

    def execute(
        self,
        command: Command,
        connection: Connection,
        user_id: str,
        chat_id: str | None,
        message_key: str,
        language: Language,
    ) -> str:
        """What is answered. Raises ``StoreUnavailable``."""
        key = chat_key(connection, user_id, chat_id)
        match command:
            case Command.HELP:
                return say(language, Phrase.HELP)
            case Command.NEW:
                self.chats.begin(connection.connection_id, key, message_key)
                return say(language, Phrase.NEW)
            case Command.CANCEL:
                return self._cancel(self._live(connection, key), language)
            case Command.STATUS:
                return _status(self._live(connection, key), language)

    def _live(self, connection: Connection, key: str) -> list[Task]:
        generation = self.chats.generation(connection.connection_id, key)
        context = ContextRef(connection.agent_id or "", context_id(connection, key, generation))
        newest = self.contexts.newest(context, AFTER_ALL, NEWEST)
        found = self.tasks.store.get_all([TaskRef(context.agent_id, task_id) for task_id in newest])
        settled = [self.tasks.finalizer.expire_if_overdue(task) for task in found]
        own = [task for task in settled if task.project_id == connection.project_id]
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
            return False  # it has ended meanwhile, and that is what is told
        return True


def _status(live: list[Task], language: Language) -> str:
    if not live:
        return say(language, Phrase.NOTHING_UNDER_WAY)
    lines = (
        say(language, Phrase.STATUS, task=task.ref.task_id, status=status_word(language, task.status.value))
        for task in live
    )
    return "\n".join(lines)
