"""The agent revisions that tasks were created with."""

from dataclasses import dataclass, field

from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.registry import AgentReader

MAX_CACHED = 200
"""Revisions; each may have up to 350 KB (``MAX_STORED_BYTES``)."""


@dataclass(frozen=True)
class Revisions:
    """Reads revisions and caches them for the life of the process, since they never change."""

    registry: AgentReader
    _cached: dict[tuple[str, int], AgentRevision] = field(default_factory=dict, init=False, repr=False)

    def of(self, task: Task) -> AgentRevision | Failure:
        """The task's revision, or why the task fails if the revision no longer exists. Raises
        ``StoreUnavailable``."""
        key = task.ref.agent_id, task.agent_revision
        agent = self._cached.get(key) or self.registry.revision(*key)
        if agent is None:
            return Failure(
                FailureCode.AGENT_MISCONFIGURED,
                f"Revision {task.agent_revision} of the agent, which this task was created for, is gone.",
            )
        if len(self._cached) >= MAX_CACHED:
            self._cached.clear()
        self._cached[key] = agent
        return agent
