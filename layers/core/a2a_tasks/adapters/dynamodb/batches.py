"""Batches and their line on DynamoDB, in the tasks' table.

BATCH#LINE#<project id>       ...                 (dynamodb_batch_line.py)
BATCH#PROJECTS#<0–3>          ...
BATCH#PREPARING#<project id>  <run id>            the tasks in line that a run is about to put into a batch
BATCH#OPEN  <project id>#<batch id>  a batch whose results are not recorded; one that was abandoned, or split
BATCH#<batch id>              MEMBERS#<n>         its tasks, a thousand an item: an item takes 400 KB
BATCH#API                     <API's id>          the batch that it belongs to
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import batched, chain, islice

from a2a_tasks.adapters.dynamodb.batch_line import (
    PROJECT_SHARDS,
    DynamoDBBatchLine,
    entry_key,
    line_partition,
    place,
    project_key,
    projects_partition,
)
from a2a_tasks.adapters.dynamodb.store import ALWAYS, Item
from a2a_tasks.adapters.dynamodb.tasks import task_values
from a2a_tasks.adapters.dynamodb.update import ItemCondition, ItemUpdate, when
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import Batch, BatchMember, Preparing, QueuedProject, QueuedTask

MEMBERS_PER_ITEM = 1_000
"""Of some 110 bytes at most: far below the 400 KB of an item."""
KEPT_SECONDS = 30 * 24 * 3600
"""Time to live of what a batch leaves behind. The API keeps results for 29 days."""
SPLIT_SECONDS = 3 * 24 * 3600
"""Time to live of the marker of a split batch. By then none of its tasks holds its claim."""
OPEN, API = "BATCH#OPEN", "BATCH#API"
IS_BATCH = "attribute_exists(triedAt)"


@dataclass(frozen=True)
class DynamoDBBatches(DynamoDBBatchLine):
    """``BatchStore``. The docstring of each conditional write says what its condition protects."""

    def projects(self) -> list[QueuedProject]:
        partitions = (projects_partition(number) for number in range(PROJECT_SHARDS))
        return [_project(item) for one in partitions for item in self._items(one)]

    def project(self, project_id: str) -> QueuedProject:
        found = self._get(project_key(project_id))
        return _project(found or project_key(project_id))

    def pause(self, project_id: str, refusals: int, until: int) -> None:
        # no condition: concurrent runs write about the same value, which only delays
        self._update(project_key(project_id), ItemUpdate().set(refusals=refusals, pausedUntil=until))

    def forget(self, project: QueuedProject) -> None:
        """Protects a project that was listed since. A writer that puts a task in line without listing the
        project has listed it shortly before, so that it was not idle."""
        self._delete(
            project_key(project.project_id),
            when("attribute_not_exists(seenAt)", "seenAt = :seen", seen=project.seen_at),
        )

    def waiting(self, project_id: str, now: int, limit: int) -> list[QueuedTask]:
        values = {"pk": line_partition(project_id), "after": place(now + 1)}
        pages = self._pages("pk = :pk AND sk < :after", values, ConsistentRead=True, Limit=limit)
        entries = islice(chain.from_iterable(pages), limit)
        return [_waiting(project_id, entry) for entry in entries]

    def is_empty(self, project_id: str) -> bool:
        line = {"pk": line_partition(project_id)}
        return not self._query("pk = :pk", line, ConsistentRead=True, Limit=1)[0]

    def drop(self, entry: QueuedTask) -> None:
        # no condition: a task that was released since has another entry, because the key contains its start
        self._delete(entry_key(entry.project_id, entry.since, entry.task_id))

    def count_try(self, entry: QueuedTask, run_id: str) -> int:
        """Protects an entry that was removed since it was read. Counts once per run."""
        count = ItemUpdate().add(tries=1).set(triedBy=run_id).when("attribute_exists(pk)")
        # a retry of the same run is not counted again. It returns 0, and the next run finds the count in the
        # entry
        count = count.when("attribute_not_exists(triedBy)", "triedBy <> :triedBy")
        key = entry_key(entry.project_id, entry.since, entry.task_id)
        is_counted, item = self._update(key, count, "UPDATED_NEW")
        return int(item["tries"]) if is_counted else 0

    def note_preparing(self, project_id: str, run_id: str, now: int, entries: Sequence[QueuedTask]) -> None:
        rows = [[entry.ref.agent_id, entry.ref.task_id, entry.since] for entry in entries]
        item = _preparing_key(project_id, run_id) | {"begunAt": now, "ttl": now // 1000 + KEPT_SECONDS}
        item |= {"entries": json.dumps(rows, separators=(",", ":"))}
        self._put(item)

    def preparing(self, project_id: str) -> list[Preparing]:
        return [_preparing(project_id, item) for item in self._items(_preparing_key(project_id, "")["pk"])]

    def end_preparing(self, project_id: str, run_id: str) -> None:
        self._delete(_preparing_key(project_id, run_id))

    def begin(self, batch: Batch, members: tuple[BatchMember, ...]) -> bool:
        """Protects tasks that were given back: an abandoned batch never begins. The members are written
        first, because a batch without them would be lost."""
        ttl = batch.tried_at // 1000 + KEPT_SECONDS
        for number, part in enumerate(batched(members, MEMBERS_PER_ITEM, strict=False)):
            rows = [[member.ref.agent_id, member.ref.task_id, member.fence] for member in part]
            item = _key(f"BATCH#{batch.batch_id}", f"MEMBERS#{number:04d}")
            item |= {"members": json.dumps(rows, separators=(",", ":")), "ttl": ttl}
            self._put(item)
        # refused by its own record: the response to an earlier attempt was lost
        return "abandoned" not in self._put(_item(batch), when("attribute_not_exists(pk)")).item

    def abandon(self, project_id: str, batch_id: str, now: int) -> bool:
        """Protects a recorded batch, whose tasks stay its members."""
        item = _open_key(project_id, batch_id) | {"abandoned": True, "ttl": now // 1000 + KEPT_SECONDS}
        # abandoned already, by another run or by an earlier attempt of this call
        never_began = when("attribute_not_exists(pk)", "attribute_exists(abandoned)")
        return self._put(item, never_began).is_made

    def split(self, batch: Batch, parts: tuple[Batch, Batch], now: int) -> bool:
        """Protects what another run has written. A marker of the root's claim stays; a part's id is no
        claim."""
        key = _open_key(batch.project_id, batch.batch_id)
        as_read, marker = _as_read(batch), {"split": True, "ttl": now // 1000 + SPLIT_SECONDS}
        is_root = batch.root is None
        return self._transact(
            ("Put", key | marker, as_read) if is_root else ("Delete", key, as_read),
            *(("Put", _item(part), ALWAYS) for part in parts),
        )

    def open_batches(self) -> list[Batch]:
        return [_batch(item) for item in self._items(OPEN, FilterExpression=IS_BATCH)]

    def open_of(self, project_id: str) -> list[Batch]:
        found = self._items(OPEN, _open_key(project_id, "")["sk"], FilterExpression=IS_BATCH)
        return [_batch(item) for item in found]

    def members(self, root_id: str) -> tuple[BatchMember, ...]:
        rows = [row for item in self._items(f"BATCH#{root_id}") for row in json.loads(item["members"])]
        return tuple(BatchMember(TaskRef(agent_id, task_id), fence) for agent_id, task_id, fence in rows)

    def update(self, batch: Batch) -> Batch | None:
        """Protects what another run has written, or done after writing: the version must be the one read."""
        written = replace(batch, version=batch.version + 1)
        is_made, found = self._put(_item(written), _as_read(batch))
        # refused, but already as wanted: the response to an earlier attempt was lost
        is_ours = is_made or (found.get("runId"), found.get("version")) == (written.run_id, written.version)
        return written if is_ours else None

    def owner(self, api_id: str) -> str | None:
        return (self._get(_key(API, api_id)) or {}).get("batchId")

    def assign(self, api_id: str, batch_id: str, now: int) -> bool:
        """Protects an existing assignment to another batch."""
        # kept longer than the batch: recovery must still find the owner of batches in the API's list
        item = _key(API, api_id) | {"batchId": batch_id, "ttl": now // 1000 + KEPT_SECONDS}
        return self._put(item, when("attribute_not_exists(pk)", "batchId = :mine", mine=batch_id)).is_made

    def close(self, batch: Batch) -> None:
        """Protects what another run has written. Members are left to the table's TTL."""
        self._delete(_open_key(batch.project_id, batch.batch_id), _as_read(batch))


def _as_read(batch: Batch) -> ItemCondition:
    """Nobody has written it since."""
    return when("version = :version", version=batch.version)


def _project(values: Item) -> QueuedProject:
    return QueuedProject(
        values["sk"],
        int(values.get("seenAt", 0)),
        int(values.get("refusals", 0)),
        int(values.get("pausedUntil", 0)),
    )


def _waiting(project_id: str, values: Item) -> QueuedTask:
    since, _, task_id = values["sk"].partition("#")
    return QueuedTask(
        TaskRef(values["agentId"], task_id), int(since), project_id, int(values.get("tries", 0))
    )


def _preparing(project_id: str, values: Item) -> Preparing:
    rows = json.loads(values["entries"])
    entries = tuple(QueuedTask(TaskRef(agent, task), since, project_id) for agent, task, since in rows)
    return Preparing(values["sk"], int(values["begunAt"]), entries)


def _preparing_key(project_id: str, run_id: str) -> Item:
    return _key(f"BATCH#PREPARING#{project_id}", run_id)


def _open_key(project_id: str, batch_id: str) -> Item:
    """Neither kind of id contains ``#``."""
    return _key(OPEN, f"{project_id}#{batch_id}")


def _key(partition: str, sort: str) -> Item:
    return {"pk": partition, "sk": sort}


def _item(batch: Batch) -> Item:
    values = _open_key(batch.project_id, batch.batch_id) | {
        "runId": batch.run_id,
        "triedAt": batch.tried_at,
        "count": batch.count,
        "version": batch.version,
        "heldUntil": batch.held_until,
        "liveFrom": batch.live_from,
        "ttl": batch.tried_at // 1000 + KEPT_SECONDS,
        "apiId": batch.api_id,
        "end": batch.end,
        "foreign": set(batch.foreign) or None,
    }
    if batch.reserved != Usage():
        values["reserved"] = task_values.counted_value(batch.reserved)
    if batch.root is not None:
        values |= {"root": batch.root, "first": batch.first}
    return values


def _batch(values: Item) -> Batch:
    project_id, _, batch_id = values["sk"].rpartition("#")
    end = values.get("end")
    return Batch(
        batch_id=batch_id,
        run_id=values["runId"],
        tried_at=int(values["triedAt"]),
        count=int(values["count"]),
        project_id=project_id,
        version=int(values["version"]),
        api_id=values.get("apiId"),
        foreign=frozenset(values.get("foreign", ())),
        held_until=int(values["heldUntil"]),
        live_from=int(values["liveFrom"]),
        reserved=task_values.to_counted(values["reserved"]) if "reserved" in values else Usage(),
        root=values.get("root"),
        first=int(values.get("first", 0)),
        end=None if end is None else int(end),
    )
