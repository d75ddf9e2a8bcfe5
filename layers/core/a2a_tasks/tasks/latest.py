"""An agent's tasks by their last change, newest first."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.domain.task import TERMINAL, ContextRef, Task, TaskRef
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore, TaskStore, TaskSummary
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.submission import agent_of_project

WINDOW = 5_000
"""Newest tasks of an agent that are considered."""
CONTEXT_WINDOW = 500
"""Newest tasks of a conversation that are considered; these are read one by one."""
_TOKEN = re.compile(r"(?P<at>\d{1,15})_(?P<task>[0-9a-f-]{36})")


class InvalidToken(ValueError):
    """A page token that this list did not issue."""


@dataclass(frozen=True)
class LatestPage:
    """One page."""

    tasks: list[Task]
    token: str | None
    """Token of the next page, if there is one."""
    total: int
    """Number of tasks on all pages."""


@dataclass(frozen=True)
class LatestTasks:
    """Lists tasks by their last change. An index on that would cost a write per change, so the summaries of
    the newest tasks are read and sorted here; older tasks are not found."""

    store: TaskStore
    contexts: ContextStore
    registry: AgentReader
    finalizer: TaskFinalizer

    def page(
        self,
        project_id: str,
        agent_id: str,
        is_wanted: Callable[[TaskSummary], bool],
        size: int,
        token: str | None,
        context_id: str | None = None,
    ) -> LatestPage:
        """Up to ``size`` matching tasks. A task that changes moves to the front and does not appear on
        later pages.

        Args:
            project_id: The caller's project.
            agent_id: The agent.
            is_wanted: Filter.
            size: Maximum length.
            token: Of the previous page.
            context_id: Only tasks of this conversation.

        Raises:
            InvalidToken: This list did not issue the token.
            RequestRefused: ``AGENT_NOT_FOUND``.
            StoreUnavailable: Calling again is safe.
        """
        agent = agent_of_project(self.registry, project_id, agent_id)
        before = None if token is None else place_of(token)
        if context_id is None:
            found = self.store.summaries(agent.agent_id, WINDOW)
        else:
            found = self._of_context(ContextRef(agent.agent_id, context_id))
        summaries = [self._settled(summary) for summary in found]
        wanted = [each for each in summaries if each.project_id == project_id and is_wanted(each)]
        wanted.sort(key=_order, reverse=True)
        rest = [summary for summary in wanted if before is None or _order(summary) < before]
        shown = rest[:size]
        tasks = {task.ref: task for task in self.store.get_all([each.ref for each in shown])}
        more = len(rest) > size
        return LatestPage(
            tasks=[tasks[each.ref] for each in shown if each.ref in tasks],
            token=token_of(shown[-1]) if more else None,
            total=len(wanted),
        )

    def _of_context(self, context: ContextRef) -> list[TaskSummary]:
        task_ids = self.contexts.newest(context, AFTER_ALL, CONTEXT_WINDOW)
        tasks = self.store.get_all([TaskRef(context.agent_id, task_id) for task_id in task_ids])
        return [TaskSummary.of(task) for task in tasks]

    def _settled(self, summary: TaskSummary) -> TaskSummary:
        """If its deadline has passed, the task is failed first, as for any reader."""
        if summary.status in TERMINAL or self.finalizer.clock.now() < summary.deadline:
            return summary
        task = self.store.get(summary.ref)
        return TaskSummary.of(self.finalizer.expire_if_overdue(task)) if task else summary


def _order(summary: TaskSummary) -> tuple[int, str]:
    return summary.updated_at, summary.ref.task_id


def token_of(task: Task | TaskSummary) -> str:
    """Token of the page after this task."""
    return f"{task.updated_at}_{task.ref.task_id}"


def place_of(token: str) -> tuple[int, str]:
    """The position that a token encodes. Raises ``InvalidToken``."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidToken(token)
    return int(found["at"]), found["task"]
