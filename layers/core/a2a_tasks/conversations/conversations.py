"""Conversations: reading and deleting them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from a2a_tasks.domain import ids
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.schedule import NOTICE_MS
from a2a_tasks.domain.task import ContextRef, Status, Task, TaskRef
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import ContextStore, TaskStore, Written
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.submission import agent_of_project

PAGE = 100
MAX_TEXT = 500_000
"""Characters after which a page ends early: a Lambda response is limited to 6 MB."""
UNANSWERED = frozenset({Status.FAILED, Status.CANCELED})


@dataclass(frozen=True)
class ConversationMessage:
    """One message of a conversation."""

    role: Literal["user", "agent"]
    text: str
    task_id: str
    at: int
    """Unix milliseconds."""


@dataclass(frozen=True)
class ConversationPage:
    """Messages, the oldest first."""

    context_id: str
    messages: list[ConversationMessage]
    cursor: str | None
    """Continues the conversation. None on the last page."""


@dataclass(frozen=True)
class Conversations:
    """A project's conversations. All methods raise ``RequestRefused`` (AGENT_NOT_FOUND),
    ``StoreUnavailable`` and ``PayloadUnavailable``."""

    contexts: ContextStore
    store: TaskStore
    registry: AgentReader
    payloads: PayloadStore
    finalizer: TaskFinalizer

    def page(
        self, project_id: str, agent_id: str, context_id: str, limit: int, cursor: str | None
    ) -> ConversationPage:
        """What was said in up to ``limit`` tasks. Raises ``RequestRefused`` (CONTEXT_NOT_FOUND)."""
        context = self._context(project_id, agent_id, context_id)
        if cursor is not None and not ids.is_task_id(cursor):
            text = "is not one that this conversation returned"
            raise RequestRefused(
                ErrorCode.VALIDATION_ERROR,
                f"cursor: {text}; leave it out to begin at the oldest message",
                [{"field": "cursor", "message": text}],
            )
        task_ids = self.contexts.page(context, cursor, limit) if _is_well_formed(context_id) else []
        # entries without a task are skipped: entries are written before their tasks, and may outlive them
        tasks = payload.with_inlined(self.payloads, self._tasks(context, task_ids))
        if cursor is None and not tasks and len(task_ids) < limit:
            raise RequestRefused(ErrorCode.CONTEXT_NOT_FOUND, "There is no such conversation.")
        messages: list[ConversationMessage] = []
        size = 0
        last = task_ids[-1] if len(task_ids) == limit else None
        for task in tasks:
            if size > MAX_TEXT:
                break
            # a task past its deadline has failed, even if that is not stored yet
            said = list(self._messages(self.finalizer.expire_if_overdue(task)))
            size += sum(len(message.text) for message in said)
            messages += said
            if size > MAX_TEXT and task is not tasks[-1]:
                last = task.ref.task_id
        return ConversationPage(context_id, messages, last)

    def delete(self, project_id: str, agent_id: str, context_id: str, time_left: Callable[[], bool]) -> None:
        """Cancel the live tasks of a conversation and delete all of it; clean-up deletes the tasks. Later
        messages start a new conversation. Calling again continues an interrupted deletion. Raises
        ``StoreUnavailable`` if time runs out."""
        context = self._context(project_id, agent_id, context_id)
        page = self.contexts.page(context, None, PAGE) if _is_well_formed(context_id) else []
        while page:
            for task in self._tasks(context, page):
                if not time_left():
                    raise StoreUnavailable("the conversation is too long to be deleted at once")
                self._forget(context, task)
            # an entry without a task is kept, because the task may be about to be created. Therefore the next
            # page starts after this one
            page = self.contexts.page(context, page[-1], PAGE) if len(page) == PAGE else []

    def _context(self, project_id: str, agent_id: str, context_id: str) -> ContextRef:
        return ContextRef(agent_of_project(self.registry, project_id, agent_id).agent_id, context_id)

    def _tasks(self, context: ContextRef, task_ids: list[str]) -> list[Task]:
        """Those that exist, in the order of their ids."""
        tasks = self.store.get_all([TaskRef(context.agent_id, task_id) for task_id in task_ids])
        return sorted(tasks, key=lambda task: task.ref.task_id)

    def _messages(self, task: Task) -> Iterator[ConversationMessage]:
        """None of a task that has failed or was canceled."""
        if task.status in UNANSWERED:
            return
        try:
            asked = payload.load(self.payloads, task.input)["message"]
            output = payload.load(self.payloads, task.output) if task.output else {}
        except PayloadCorrupt:
            return  # clean-up has deleted its texts
        task_id = task.ref.task_id
        yield ConversationMessage("user", asked, task_id, task.created_at)
        if task.status is Status.COMPLETED:
            answered_at = task.completed_at or task.updated_at
            yield ConversationMessage("agent", output.get("result", ""), task_id, answered_at)

    def _forget(self, context: ContextRef, task: Task) -> None:
        """The entry is deleted last, so that an interruption leaves the way to the task."""
        # ended first, or the task might write after its deletion
        ended = self._ended(task)
        if ended is not None:
            now = self.finalizer.clock.now()
            # its worker may not have noticed the end yet, and could store data that nothing would delete
            self.store.expire(ended.ref, now if ended.held_by is None else now + NOTICE_MS)
        self.contexts.remove(context, task.ref.task_id)

    def _ended(self, task: Task) -> Task | None:
        """The task once it has ended; None if it no longer exists."""
        if task.is_terminal:
            return task
        # refused if it has ended meanwhile, or if its deadline has passed: then it is failed below
        result = self.finalizer.cancel(task)
        if isinstance(result, Written):
            return result.task
        return None if result.current is None else self.finalizer.expire_if_overdue(result.current)


def _is_well_formed(context_id: str) -> bool:
    return ids.CONTEXT_ID.fullmatch(context_id) is not None
