"""The line of tasks that wait for a batch. Apart from the batches, since every function that takes tasks in
loads it.

BATCH#LINE#<project id>  <since>#<task id>  a task in line, which is in the order of its starts
BATCH#PROJECTS#<0–3>     <project id>       a project that has tasks in line
"""

from dataclasses import dataclass, field

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.update import ItemUpdate
from a2a_tasks.domain import ids
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.queues import queued_since

PROJECT_SHARDS = 4
"""Partitions of the list of projects; a run reads them all. With fewer than before, projects of the others
would not be found any more."""
LISTED_MS = 300_000
"""How long a process relies on a project that it has listed."""
MOST_KNOWN = 10_000
"""Projects that a process keeps in mind as listed."""


@dataclass(frozen=True)
class DynamoDBBatchLine(Store):
    """``BatchQueue``."""

    _listed: dict[str, int] = field(default_factory=dict, compare=False)

    def enqueue(self, task: Task, now: int) -> None:
        """Lists the project first, so that every line with tasks is read. Keeps the counters of an existing
        entry, because the sweeper enqueues tasks again."""
        self.put(task.project_id, task.ref, queued_since(task), now)

    def put(self, project_id: str, ref: TaskRef, since: int, now: int) -> None:
        """Put a task in a project's line, from a moment on."""
        # written first: a crash in between leaves a listed project without tasks, which a run removes later
        self._list(project_id, now)
        entry = ItemUpdate().set(agentId=ref.agent_id, ttl=(since + LONGEST_LIFE_MS) // 1000)
        self._update(entry_key(project_id, since, ref.task_id), entry)

    def _list(self, project_id: str, now: int) -> None:
        if now - self._listed.get(project_id, 0) < LISTED_MS:
            return
        self._update(project_key(project_id), ItemUpdate().set(seenAt=now))
        # remembered only after the write, so that the next task retries a failed one
        if len(self._listed) >= MOST_KNOWN:
            self._listed.clear()
        self._listed[project_id] = now


def line_partition(project_id: str) -> str:
    return f"BATCH#LINE#{project_id}"


def entry_key(project_id: str, since: int, task_id: str) -> Item:
    return {"pk": line_partition(project_id), "sk": f"{place(since)}#{task_id}"}


def place(since: int) -> str:
    """What the sort keys of those who are in line since a moment begin with."""
    return f"{since:014d}"


def projects_partition(number: int) -> str:
    return f"BATCH#PROJECTS#{number}"


def project_key(project_id: str) -> Item:
    return {"pk": projects_partition(ids.shard(project_id) % PROJECT_SHARDS), "sk": project_id}
