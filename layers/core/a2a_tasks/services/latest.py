"""An agent's tasks in the order in which something has happened to them, the latest first."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from a2a_tasks.domain.task import TERMINAL, Task
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import Outline, TaskStore
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.submit import agent_of_project

WINDOW = 5_000
"""How many of an agent's newest tasks are looked at."""
AT_A_TIME = 10
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
    of the newest ``WINDOW`` are read and sorted here; what was created before them is not found any more."""

    store: TaskStore
    registry: AgentReader
    ending: Ending

    def page(
        self,
        project_id: str,
        agent_id: str,
        is_wanted: Callable[[Outline], bool],
        size: int,
        token: str | None,
    ) -> Latest:
        """Up to ``size`` of the wanted tasks. One that changes moves to the front, where a later page does
        not see it again.

        Raises ``InvalidToken``, ``RequestRefused`` (AGENT_NOT_FOUND), ``StoreUnavailable``.
        """
        agent = agent_of_project(self.registry, project_id, agent_id)
        before = None if token is None else _place(token)
        outlines = [self._settled(outline) for outline in self.store.outlines(agent.agent_id, WINDOW)]
        wanted = [each for each in outlines if each.project_id == project_id and is_wanted(each)]
        wanted.sort(key=_order, reverse=True)
        rest = [outline for outline in wanted if before is None or _order(outline) < before]
        shown = rest[:size]
        with ThreadPoolExecutor(AT_A_TIME) as readers:
            tasks = [task for task in readers.map(self.store.get, [each.ref for each in shown]) if task]
        more = len(rest) > size
        return Latest(tasks, _token(shown[-1]) if more else None, len(wanted))

    def _settled(self, outline: Outline) -> Outline:
        """One past its deadline is settled first, as a reader of the task would."""
        if outline.status in TERMINAL or self.ending.clock.now() < outline.deadline:
            return outline
        task = self.store.get(outline.ref)
        return Outline.of(self.ending.settled(task)) if task else outline


def _order(outline: Outline) -> tuple[int, str]:
    return outline.updated_at, outline.ref.task_id


def _token(outline: Outline) -> str:
    return f"{outline.updated_at}_{outline.ref.task_id}"


def _place(token: str) -> tuple[int, str]:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidToken(token)
    return int(found["at"]), found["task"]
