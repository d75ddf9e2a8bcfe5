"""Tasks of all of a project's agents."""

from collections.abc import Collection
from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, RequestRefused, invalid
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.ports.registry import ProjectAgents
from a2a_tasks.ports.tasks import InvalidCursor, TaskPage, TaskStore
from a2a_tasks.tasks.finalization import TaskFinalizer

MAX_AGENTS = 100
"""Agents whose tasks are merged in one list. Each costs four reads, of which sixteen run concurrently."""


def agents_of_project(registry: ProjectAgents, project_id: str, named: Collection[str]) -> list[str]:
    """The project's agents, or those of them that are named.

    Raises ``RequestRefused`` (AGENT_NOT_FOUND) if the project has not all of them, and ``StoreUnavailable``.
    """
    known = registry.agent_ids(project_id)
    if missing := sorted(set(named) - set(known)):
        raise RequestRefused(ErrorCode.AGENT_NOT_FOUND, f"There is no agent {', '.join(missing)}.")
    return [agent_id for agent_id in known if not named or agent_id in named]


@dataclass(frozen=True)
class ProjectTasks:
    """Lists a project's tasks. Raises ``RequestRefused`` and ``StoreUnavailable``."""

    store: TaskStore
    registry: ProjectAgents
    finalizer: TaskFinalizer

    def page(
        self, project_id: str, agents: Collection[str], wanted: TaskFilter, limit: int, token: str | None
    ) -> TaskPage:
        """The project's tasks, newest first, or those of the named ``agents``. The reads of a page are
        bounded: where few match, it may be short, even empty, and have a cursor."""
        agent_ids = agents_of_project(self.registry, project_id, agents)
        if len(agent_ids) > MAX_AGENTS:
            raise invalid("agentId", f"is for {len(agent_ids)} agents; name {MAX_AGENTS} or fewer")
        now = self.finalizer.clock.now()
        try:
            page = self.store.search(agent_ids, wanted, limit, token, now)
        except InvalidCursor:
            problem = "is not one that this list returned; leave it out to begin at the newest task"
            raise invalid("pageToken", problem) from None
        settled = [self.finalizer.expire_if_overdue(task) for task in page.tasks]
        # filtered again, because a task that was failed just now may no longer match
        return TaskPage([task for task in settled if wanted.shows(task, now)], page.cursor)
