"""Twins for hundreds of thousands of tasks: they keep ordered indexes where the others search all tasks.
Indexes lag, as those of DynamoDB do."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.ids import SHARDS, shard
from a2a_tasks.domain.lease import Lease, LeaseNotes
from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.tasks import DueEntry
from tests.twins.stores.payloads import MemoryPayloads
from tests.twins.stores.slots import MemorySlots
from tests.twins.stores.tasks import Change, MemoryTaskStore
from tests.twins.stores.workers import MemoryWorkers

INDEX_LAG_MS = 100
"""Usually some milliseconds, and seconds if the table is busy."""


@dataclass
class Index:
    """Entries in order, as they were ``INDEX_LAG_MS`` ago."""

    clock: Clock
    entries: list[tuple[int, TaskRef]] = field(default_factory=list)
    _keys: dict[TaskRef, int] = field(default_factory=dict)
    _coming: deque[tuple[int, TaskRef, int | None]] = field(default_factory=deque)

    def put(self, ref: TaskRef, at: int | None) -> None:
        """None removes the entry."""
        self._coming.append((self.clock.now() + INDEX_LAG_MS, ref, at))

    def until(
        self, now: int, limit: int, after: tuple[int, TaskRef] | None = None
    ) -> list[tuple[int, TaskRef]]:
        """The first ``limit`` entries up to ``now``, or those after the given one."""
        self._catch_up()
        begin = bisect_right(self.entries, _order(after), key=_order) if after else 0
        return [entry for entry in self.entries[begin : begin + limit] if entry[0] <= now]

    def first(self) -> int | None:
        self._catch_up()
        return self.entries[0][0] if self.entries else None

    def _catch_up(self) -> None:
        now = self.clock.now()
        while self._coming and self._coming[0][0] <= now:
            _, ref, at = self._coming.popleft()
            before = self._keys.pop(ref, None)
            if before is not None:
                self._remove((before, ref))
            if at is not None:
                self._keys[ref] = at
                insort(self.entries, (at, ref), key=_order)

    def _remove(self, entry: tuple[int, TaskRef]) -> None:
        del self.entries[bisect_left(self.entries, _order(entry), key=_order)]


def _order(entry: tuple[int, TaskRef]) -> tuple[int, str]:
    return entry[0], entry[1].task_id


class _Watched(list[Change]):
    """Changes are passed to a callback, and not stored."""

    def __init__(self, watch: Callable[[Change], None]) -> None:
        super().__init__()
        self._watch = watch

    def append(self, change: Change) -> None:
        self._watch(change)


class BigTaskStore(MemoryTaskStore):
    """``MemoryTaskStore`` with its indexes. ``watch`` is called with every change."""

    def __init__(self, clock: Clock, watch: Callable[[Change], None]) -> None:
        super().__init__()
        self._due = [Index(clock) for _ in range(SHARDS)]
        self._forgotten = [Index(clock) for _ in range(SHARDS)]
        self._pending: Counter[str] = Counter()
        self._watch = watch
        self.changes = _Watched(self._note)

    def due(self, shard: int, now: int, limit: int, after: DueEntry | None = None) -> list[DueEntry]:
        start = (after.due_at, after.ref) if after else None
        return [DueEntry(ref, at) for at, ref in self._due[shard].until(now, limit, start)]

    def past_retention(self, shard: int, now: int, limit: int) -> list[Task]:
        found = (self.tasks.get(ref) for _, ref in self._forgotten[shard].until(now, limit))
        return [task for task in found if task is not None]

    def count_pending(self, agent_id: str, limit: int, now: int) -> int:  # noqa: ARG002  always exact
        return min(limit, self._pending[agent_id])

    def expire(self, ref: TaskRef, at: int) -> None:
        super().expire(ref, at)
        self._forgotten[shard(ref.task_id)].put(ref, self.forget_at.get(ref))

    def delete(self, ref: TaskRef) -> None:
        super().delete(ref)
        self._forgotten[shard(ref.task_id)].put(ref, None)

    def oldest_due(self) -> int | None:
        """The due time of the entry that has waited longest."""
        return min((at for index in self._due if (at := index.first()) is not None), default=None)

    def _note(self, change: Change) -> None:
        before, after = change.before, change.after
        number = shard(after.ref.task_id)
        if before is None or before.due_at != after.due_at:
            self._due[number].put(after.ref, after.due_at)
        was = before is not None and before.counts_as_pending
        self._pending[after.ref.agent_id] += after.counts_as_pending - was
        self._watch(change)


class BigWorkers(MemoryWorkers):
    """``MemoryWorkers`` without a history of renewals."""

    def renew(self, lease: Lease) -> LeaseNotes | None:
        notes = super().renew(lease)
        self.renewals.clear()
        return notes


@dataclass
class BigPayloads(MemoryPayloads):
    """``MemoryPayloads`` that knows which keys belong to a task."""

    _of_task: dict[str, set[str]] = field(default_factory=dict)

    def put(self, key: str, data: bytes, media_type: str = "") -> None:
        super().put(key, data, media_type)
        self._of_task.setdefault(_task_of(key), set()).add(key)

    def delete_all(self, task_id: str) -> int:
        keys = self._of_task.pop(task_id, set())
        for key in keys:
            del self.objects[key]
        return len(keys)


def _task_of(key: str) -> str:
    return next(part for part in key.replace("#", "/").split("/") if "-" in part)


def sizes(store: MemoryTaskStore, slots: MemorySlots, payloads: MemoryPayloads, records: Any) -> int:
    """Stored bytes: the average sizes of a task, an entry in line and a record, and all texts."""
    lines = sum(len(line) for line in slots.lines.values())
    kept = sum(len(of_task) for of_task in records.by_task.values())
    texts = sum(len(data) for data in payloads.objects.values())
    return 2_000 * len(store.tasks) + 150 * lines + 1_500 * kept + texts
