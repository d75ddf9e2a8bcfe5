"""Lists of agents' tasks, newest first, from the index ``list``.

The index is written when a task is created and when it ends, and lags behind the table. The entry of an
ended task contains all that a list needs; live tasks are read.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched, chain, islice

from a2a_tasks.adapters.dynamodb.store import AT_ONCE, Item, Store
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.domain.ids import IdRange
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.ports.tasks import TaskPage, TaskSummary

LOOKED_AT = 1_000
"""Entries read at most for one page of a filtered list; a sparser list continues behind its cursor."""
LIVE_READ = 500
"""Live tasks read for summaries, newest first; older ones are left out until they end."""
READERS = 16
"""Partitions of the index that are read side by side."""

type Read = Callable[[Sequence[TaskRef]], list[Task]]


@dataclass(frozen=True)
class DynamoDBTaskList(Store):
    """Lists tasks. ``read`` returns those of the tasks that exist. All methods raise
    ``StoreUnavailable``."""

    read: Read

    def search(
        self, agent_ids: Sequence[str], wanted: TaskFilter, limit: int, before: str | None, now: int
    ) -> TaskPage:
        """As ``TaskStore.search``; ``before`` is a task's id."""
        ids = wanted.ids_before(before)
        if ids.is_empty or not agent_ids:
            return TaskPage([], None)
        found: list[Task] = []
        looked_at: list[Item] = []
        size = LOOKED_AT if wanted.is_sparse else limit + 1
        window = islice(self._entries(agent_ids, ids, size), LOOKED_AT)
        for entries in batched(window, min(limit + 1, AT_ONCE), strict=False):
            looked_at += entries
            tasks = self._read(task_items.ref_of(entry) for entry in entries if _may_be(entry, wanted, now))
            found += [task for task in tasks if wanted.shows(task, now)]
            if len(found) > limit:
                return TaskPage(found[:limit], found[limit - 1].ref.task_id)
        # bounded even if few tasks match, so that one list cannot read a whole index
        may_be_more = len(looked_at) == LOOKED_AT
        return TaskPage(found, task_items.ref_of(looked_at[-1]).task_id if may_be_more else None)

    def summaries(self, agent_id: str, limit: int) -> list[TaskSummary]:
        """As ``TaskStore.summaries``."""
        entries = list(islice(self._entries([agent_id], IdRange(), limit), limit))
        ended = {summary.ref: summary for summary in map(task_items.to_summary, entries) if summary}
        live = [ref for ref in map(task_items.ref_of, entries) if ref not in ended]
        known = ended | {task.ref: TaskSummary.of(task) for task in self._read(live[:LIVE_READ])}
        return [known[ref] for ref in map(task_items.ref_of, entries) if ref in known]

    def _read(self, refs: Iterator[TaskRef] | list[TaskRef]) -> list[Task]:
        """Those that exist, newest first."""
        return sorted(self.read(list(refs)), key=lambda task: task.ref.task_id, reverse=True)

    def _entries(self, agent_ids: Sequence[str], ids: IdRange, size: int) -> Iterator[Item]:
        """Entries of the agents, newest first; what is behind a partition's first page is read lazily."""
        partitions = [
            task_items.list_partition(agent_id, number)
            for agent_id in agent_ids
            for number in range(task_items.LIST_SHARDS)
        ]
        # tasks are spread evenly, so this is about a partition's share of a page
        limit = size // len(partitions) + AT_ONCE // 10

        def begun(partition: str) -> tuple[list[Item], Iterator[list[Item]]]:
            condition, values = task_items.listed_in(partition, ids)
            pages = self._pages(condition, values, IndexName="list", ScanIndexForward=False, Limit=limit)
            return next(pages), pages

        with ThreadPoolExecutor(READERS) as readers:
            first_pages = list(readers.map(begun, partitions))
        shards = (chain(entries, chain.from_iterable(pages)) for entries, pages in first_pages)
        return heapq.merge(*shards, key=lambda entry: str(entry["pk"]), reverse=True)


def _may_be(entry: Item, wanted: TaskFilter, now: int) -> bool:
    """Whether a task must be read for the list."""
    ended_as = Status(entry["endedAs"].partition("#")[0]) if "endedAs" in entry else None
    return wanted.may_show(task_items.ref_of(entry).task_id, ended_as, int(entry["deadline"]), now)
