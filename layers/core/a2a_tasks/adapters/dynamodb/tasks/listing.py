"""Lists of an agent's tasks, newest first, from the index ``list``.

The index is written when a task is created and when it ends, and lags behind the table. The entry of an
ended task contains all that a list needs; live tasks are read.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched, chain, islice

from a2a_tasks.adapters.dynamodb.store import Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.task import LIVE, Status, Task, TaskRef
from a2a_tasks.ports.tasks import Outline, Page

LOOKED_AT = 1_000
"""Entries read at most for one page of a filtered list; a sparser list continues behind its cursor."""
LIVE_READ = 500
"""Live tasks read for outlines, newest first; older ones are left out until they end."""
AT_ONCE = 100

type Read = Callable[[Sequence[TaskRef]], list[Task]]


@dataclass(frozen=True)
class DynamoDBTaskList(Store):
    """Lists tasks. ``read`` returns those of up to 100 tasks that exist. All methods raise
    ``StoreUnavailable``."""

    read: Read

    def page(self, agent_id: str, status: Status | None, limit: int, before: str | None, now: int) -> Page:
        """As ``TaskStore.page``; ``before`` is a task's id."""
        found: list[Task] = []
        looked_at: list[Item] = []
        wanted = limit + 1 if status is None else LOOKED_AT
        window = islice(self._entries(agent_id, before, wanted), LOOKED_AT)
        for entries in batched(window, min(limit + 1, AT_ONCE), strict=False):
            looked_at += entries
            tasks = self._read(task_items.ref_of(e) for e in entries if _may_be(e, status, now))
            found += [task for task in tasks if _is(task, status, now)]
            if len(found) > limit:
                return Page(found[:limit], found[limit - 1].ref.task_id)
        may_be_more = len(looked_at) == LOOKED_AT
        return Page(found, task_items.ref_of(looked_at[-1]).task_id if may_be_more else None)

    def outlines(self, agent_id: str, limit: int) -> list[Outline]:
        """As ``TaskStore.outlines``."""
        entries = list(islice(self._entries(agent_id, None, limit), limit))
        ended = {outline.ref: outline for outline in map(task_items.to_outline, entries) if outline}
        live = [ref for ref in map(task_items.ref_of, entries) if ref not in ended]
        known = ended | {task.ref: Outline.of(task) for task in self._read(live[:LIVE_READ])}
        return [known[ref] for ref in map(task_items.ref_of, entries) if ref in known]

    def _read(self, refs: Iterator[TaskRef] | list[TaskRef]) -> list[Task]:
        """Those that exist, newest first."""
        tasks = [task for some in batched(refs, AT_ONCE, strict=False) for task in self.read(some)]
        return sorted(tasks, key=lambda task: task.ref.task_id, reverse=True)

    def _entries(self, agent_id: str, before: str | None, size: int) -> Iterator[Item]:
        """Entries of the agent, newest first, read lazily."""
        shards = [
            self._shard(task_items.list_partition(agent_id, number), before, size)
            for number in range(task_items.LIST_SHARDS)
        ]
        return heapq.merge(*shards, key=lambda entry: str(entry["pk"]), reverse=True)

    def _shard(self, partition: str, before: str | None, size: int) -> Iterator[Item]:
        condition, values = "listShard = :pk", {"pk": partition}
        if before is not None:
            condition += " AND pk < :before"
            values["before"] = task_items.partition(before)
        # tasks are spread evenly, so this is about a shard's part of a page
        limit = size // task_items.LIST_SHARDS + AT_ONCE // 10
        pages = self._pages(condition, values, IndexName="list", ScanIndexForward=False, Limit=limit)
        return chain.from_iterable(pages)


def _may_be(entry: Item, status: Status | None, now: int) -> bool:
    """Whether a task must be read for a list of this status."""
    if status is None:
        return True
    if "endedAs" in entry:
        return Status(entry["endedAs"].partition("#")[0]) is status
    return status in LIVE or (status is Status.FAILED and int(entry["deadline"]) <= now)


def _is(task: Task, status: Status | None, now: int) -> bool:
    return status in (None, task.status) or (status is Status.FAILED and task.is_expired(now))
