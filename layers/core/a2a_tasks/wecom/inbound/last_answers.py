"""Earlier answers of a chat: shown again whole or in pages, or sent again."""

from dataclasses import dataclass

from a2a_tasks.domain.task import ContextRef, Status, Task, TaskRef
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import TimedSender
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.wecom.exchange import end_of
from a2a_tasks.wecom.inbound.chat import Chat, context_id
from a2a_tasks.wecom.phrases import Phrase, say
from a2a_tasks.wecom.ports import ChatDelivery, Resend
from a2a_tasks.wecom.result_texts import PAGE_BYTES, ResultTexts, page_of

NEWEST = 10
"""Limit of tasks that are read."""
CONVERSATIONS = 3
"""Conversations that are searched, including the current one."""


@dataclass(frozen=True)
class LastAnswers:
    """Answers are counted from 1, the newest first. Both methods raise ``StoreUnavailable``."""

    contexts: ContextStore
    tasks: Tasks
    texts: ResultTexts
    deliveries: TimedSender[ChatDelivery]

    def page(self, chat: Chat, number: int, page: int) -> str:
        """A page of an answer as a bot shows it. Raises ``PayloadUnavailable``."""
        answered = self._answered(chat)
        task = _chosen(answered, number)
        if task is None or (end := end_of(task)) is None:
            return say(chat.language, Phrase.NO_SUCH_ANSWER if answered else Phrase.NO_ANSWER)
        pages = self.texts.of_task(task, end, chat.language).pages(PAGE_BYTES)
        if not 1 <= page <= len(pages):
            return say(chat.language, Phrase.NO_SUCH_ANSWER)
        shown = page_of(pages, number, page, chat.language)
        if page < len(pages) or number == len(answered):
            return shown
        return f"{shown}\n\n{say(chat.language, Phrase.EARLIER, number=number + 1)}"

    def send(self, chat: Chat, number: int, message_key: str, correlation_id: str) -> str:
        """Have an answer sent again by the chat's application. Returns the immediate reply. Raises
        ``QueueUnavailable``."""
        answered = self._answered(chat)
        task = _chosen(answered, number)
        if task is None:
            return say(chat.language, Phrase.NO_SUCH_ANSWER if answered else Phrase.NO_ANSWER)
        resend = Resend(chat.connection.connection_id, chat.user_id, chat.language, message_key)
        delivery = ChatDelivery(
            task.ref, task.project_id, task.status, task.updated_at, correlation_id, resend=resend
        )
        # WeCom then gets a 500 and sends the message again; the message's key prevents a second answer
        if self.deliveries.send([delivery]):
            raise QueueUnavailable("the answer is not queued")
        return say(chat.language, Phrase.SENDING)

    def _answered(self, chat: Chat) -> list[Task]:
        """Tasks that have an answer, or ask a question."""
        agent_id, found = chat.connection.agent_id or "", list[Task]()
        for generation in range(chat.generation, max(-1, chat.generation - CONVERSATIONS), -1):
            context = ContextRef(agent_id, context_id(chat.connection, chat.key, generation))
            ids = self.contexts.newest(context, AFTER_ALL, NEWEST)
            found += self.tasks.store.get_all([TaskRef(agent_id, task_id) for task_id in ids])
        # a passed deadline counts as an end, even before the sweeper has failed the task
        settled = (self.tasks.finalizer.expire_if_overdue(task) for task in found)
        own = (task for task in settled if task.project_id == chat.connection.project_id)
        shown = [task for task in own if task.status is not Status.CANCELED and end_of(task)]
        return sorted(shown, key=lambda task: task.ref.task_id, reverse=True)[:NEWEST]


def _chosen(answered: list[Task], number: int) -> Task | None:
    return answered[number - 1] if 1 <= number <= len(answered) else None
