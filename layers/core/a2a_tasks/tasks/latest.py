"""An agent's tasks in the order in which something has happened to them, the latest first."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import batched

from a2a_tasks.domain.task import TERMINAL, ContextRef, Task, TaskRef
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import AFTER_ALL, ContextStore, Outline, TaskStore
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.submission import agent_of_project

WINDOW = 5_000
"""How many of an agent's newest tasks are looked at."""
CONTEXT_WINDOW = 500
"""The same of a conversation's, which are read one by one."""
AT_ONCE = 100
_TOKEN = re.compile(r"(?P<at>\d{1,15})_(?P<task>[0-9a-f-]{36})")


class InvalidToken(ValueError):
    """A page token that this list did not give."""


@dataclass(frozen=True)
class Latest:
    """A page; ``token`` gives the next one, if there is one. ``total`` is how many there are in all pages."""

    tasks: list[Task]
    token: str | None
    total: int


@dataclass(frozen=True)
class LatestTasks:
    """No index sorts tasks by their last change: it would have to be written at each change. So the outlines
    of the newest are read and sorted here; what was created before them is not found any more."""

    store: TaskStore
    contexts: ContextStore
    registry: AgentReader
    ending: TaskFinalizer

    def page(
        self,
        project_id: str,
        agent_id: str,
        is_wanted: Callable[[Outline], bool],
        size: int,
        token: str | None,
        context_id: str | None = None,
    ) -> Latest:
        """Up to ``size`` of the wanted tasks. One that changes moves to the front, where a later page does
        not see it again. With ``context_id`` only a conversation's tasks are read.

        Raises ``InvalidToken``, ``RequestRefused`` (AGENT_NOT_FOUND), ``StoreUnavailable``.
        """
        agent = agent_of_project(self.registry, project_id, agent_id)
        before = None if token is None else place_of(token)
        if context_id is None:
            found = self.store.outlines(agent.agent_id, WINDOW)
        else:
            found = self._of_context(ContextRef(agent.agent_id, context_id))
        outlines = [self._settled(outline) for outline in found]
        wanted = [each for each in outlines if each.project_id == project_id and is_wanted(each)]
        wanted.sort(key=_order, reverse=True)
        rest = [outline for outline in wanted if before is None or _order(outline) < before]
        shown = rest[:size]
        tasks = {task.ref: task for task in self._read([each.ref for each in shown])}
        more = len(rest) > size
        return Latest(
            tasks=[tasks[each.ref] for each in shown if each.ref in tasks],
            token=token_of(shown[-1]) if more else None,
            total=len(wanted),
        )

    def _of_context(self, context: ContextRef) -> list[Outline]:
        task_ids = self.contexts.newest(context, AFTER_ALL, CONTEXT_WINDOW)
        tasks = self._read([TaskRef(context.agent_id, task_id) for task_id in task_ids])
        return [Outline.of(task) for task in tasks]

    def _read(self, refs: Sequence[TaskRef]) -> list[Task]:
        return [task for some in batched(refs, AT_ONCE, strict=False) for task in self.store.get_all(some)]

    def _settled(self, outline: Outline) -> Outline:
        """One past its deadline is settled first, as a reader of the task would."""
        if outline.status in TERMINAL or self.ending.clock.now() < outline.deadline:
            return outline
        task = self.store.get(outline.ref)
        return Outline.of(self.ending.expire_if_overdue(task)) if task else outline


def _order(outline: Outline) -> tuple[int, str]:
    return outline.updated_at, outline.ref.task_id


def token_of(task: Task | Outline) -> str:
    """Gives the page after this task."""
    return f"{task.updated_at}_{task.ref.task_id}"


def place_of(token: str) -> tuple[int, str]:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidToken(token)
    return int(found["at"]), found["task"]
