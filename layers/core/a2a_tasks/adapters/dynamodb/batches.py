"""Batches and their line on DynamoDB, in the tasks' table.

BATCH#LINE#<project id>       ...                 (dynamodb_batch_line.py)
BATCH#PROJECTS#<0–3>          ...
BATCH#PREPARING#<project id>  <run id>            the tasks in line that a run is about to put into a batch
BATCH#OPEN  <project id>#<batch id>  a batch whose results are not recorded; one that was abandoned, or split
BATCH#<batch id>              MEMBERS#<n>         its tasks, a thousand an item: an item takes 400 KB
BATCH#API                     <API's id>          the batch that it belongs to
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.batch_line import (
    PROJECT_SHARDS,
    DynamoDBBatchLine,
    entry_key,
    line_partition,
    place,
    project_key,
    projects_partition,
)
from a2a_tasks.adapters.dynamodb.calls import REFUSED_TRANSACTION, call, call_if, call_or_item, code_of
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.update import Update, when
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import Batch, Member, Preparing, QueuedProject, QueuedTask
from a2a_tasks.ports.errors import StoreUnavailable

MEMBERS_PER_ITEM = 1_000
KEPT_SECONDS = 30 * 24 * 3600
"""Time to live of what a batch leaves behind. The API keeps results for 29 days."""
SPLIT_SECONDS = 3 * 24 * 3600
"""Time to live of the marker of a split batch. By then none of its tasks holds its claim."""
OPEN, API = "BATCH#OPEN", "BATCH#API"
OLD_LINE = "BATCH#LINE"
"""The line of an earlier release."""
IS_BATCH = "attribute_exists(triedAt)"


@dataclass(frozen=True)
class DynamoDBBatches(DynamoDBBatchLine):
    """``BatchStore``. The docstring of each conditional write says what its condition protects."""

    def move_old_line(self, now: int, limit: int) -> None:
        """Sort keys of the old line are ``<project id>#<task id>``. An entry is deleted once its
        replacement exists."""
        for entry in next(self._pages(OLD_LINE, limit=limit)):
            project_id, _, task_id = entry["sk"].partition("#")
            self.put(project_id, TaskRef(entry["agentId"], task_id), int(entry["since"]), now)
            self._call(self.client.delete_item, Key=to_attributes(_key(OLD_LINE, entry["sk"])))

    def projects(self) -> list[QueuedProject]:
        partitions = (projects_partition(number) for number in range(PROJECT_SHARDS))
        return [_project(item) for one in partitions for page in self._pages(one) for item in page]

    def project(self, project_id: str) -> QueuedProject:
        found = self._get(project_key(project_id))
        return _project(found or project_key(project_id))

    def pause(self, project_id: str, refusals: int, until: int) -> None:
        self._write(project_key(project_id), Update().set(refusals=refusals, pausedUntil=until))

    def forget(self, project: QueuedProject) -> None:
        """Protects a project that was listed since. A writer that puts a task in line without listing the
        project has listed it shortly before, so that it was not idle."""
        self._delete(
            project_key(project.project_id),
            when("attribute_not_exists(seenAt)", "seenAt = :seen", seen=project.seen_at),
        )

    def waiting(self, project_id: str, now: int, limit: int) -> list[QueuedTask]:
        found: list[QueuedTask] = []
        pages = self._pages(line_partition(project_id), sort="sk < :after", after=place(now + 1), limit=limit)
        for page in pages:
            found += [_waiting(project_id, entry) for entry in page]
            if len(found) >= limit:
                break
        return found[:limit]

    def is_empty(self, project_id: str) -> bool:
        return not next(self._pages(line_partition(project_id), limit=1))

    def drop(self, entry: QueuedTask) -> None:
        key = entry_key(entry.project_id, entry.since, entry.task_id)
        self._call(self.client.delete_item, Key=to_attributes(key))

    def count_try(self, entry: QueuedTask, run_id: str) -> int:
        """Protects an entry that was removed since it was read. Counts once per run."""
        count = Update().add(tries=1).set(triedBy=run_id).when("attribute_exists(pk)")
        count = count.when("attribute_not_exists(triedBy)", "triedBy <> :triedBy")
        answer = call_if(
            self.client.update_item,
            TableName=self.table,
            Key=to_attributes(entry_key(entry.project_id, entry.since, entry.task_id)),
            ReturnValues="UPDATED_NEW",
            **count.arguments(),
        )
        return int(from_attributes(answer["Attributes"])["tries"]) if answer else 0

    def note_preparing(self, project_id: str, run_id: str, now: int, entries: Sequence[QueuedTask]) -> None:
        rows = [[entry.ref.agent_id, entry.ref.task_id, entry.since] for entry in entries]
        item = _preparing_key(project_id, run_id) | {"begunAt": now, "ttl": now // 1000 + KEPT_SECONDS}
        item |= {"entries": json.dumps(rows, separators=(",", ":"))}
        self._call(self.client.put_item, Item=to_attributes(item))

    def preparing(self, project_id: str) -> list[Preparing]:
        pages = self._pages(_preparing_key(project_id, "")["pk"])
        return [_preparing(project_id, item) for page in pages for item in page]

    def end_preparing(self, project_id: str, run_id: str) -> None:
        self._call(self.client.delete_item, Key=to_attributes(_preparing_key(project_id, run_id)))

    def begin(self, batch: Batch, members: tuple[Member, ...]) -> bool:
        """Protects tasks that were given back: an abandoned batch never begins. The members are written
        first, because a batch without them would be lost."""
        ttl = batch.tried_at // 1000 + KEPT_SECONDS
        for number, part in enumerate(batched(members, MEMBERS_PER_ITEM, strict=False)):
            rows = [[member.ref.agent_id, member.ref.task_id, member.fence] for member in part]
            item = _key(f"BATCH#{batch.batch_id}", f"MEMBERS#{number:04d}")
            item |= {"members": json.dumps(rows, separators=(",", ":")), "ttl": ttl}
            self._call(self.client.put_item, Item=to_attributes(item))
        found = self._put(_item(batch), when("attribute_not_exists(pk)"))
        return found is None or "abandoned" not in found

    def abandon(self, project_id: str, batch_id: str, now: int) -> bool:
        """Protects a recorded batch, whose tasks stay its members. Earlier releases recorded it without
        its project."""
        if "triedAt" in self._get(_open_key("", batch_id)):
            return False
        item = _open_key(project_id, batch_id) | {"abandoned": True, "ttl": now // 1000 + KEPT_SECONDS}
        return self._put(item, when("attribute_not_exists(pk)", "attribute_exists(abandoned)")) is None

    def split(self, batch: Batch, parts: tuple[Batch, Batch], now: int) -> bool:
        """Protects what another run has written. A marker of the root's claim stays; a part's id is no
        claim."""
        key = _open_key(batch.project_id, batch.batch_id)
        condition = {"TableName": self.table} | when("version = :version", version=batch.version)
        gone: dict[str, Any] = {"Delete": {"Key": to_attributes(key)} | condition}
        if batch.root is None:
            known = key | {"split": True, "ttl": now // 1000 + SPLIT_SECONDS}
            gone = {"Put": {"Item": to_attributes(known)} | condition}
        puts = [{"Put": {"TableName": self.table, "Item": to_attributes(_item(part))}} for part in parts]
        try:
            call(self.client.transact_write_items, TransactItems=[gone, *puts])
        except ClientError as error:
            if code_of(error) == REFUSED_TRANSACTION and _is_condition(error):
                return False
            raise StoreUnavailable(str(error)) from error
        return True

    def open_batches(self) -> list[Batch]:
        return [_batch(item) for page in self._pages(OPEN, filtered=IS_BATCH) for item in page]

    def open_of(self, project_id: str) -> list[Batch]:
        prefix = _open_key(project_id, "")["sk"]
        pages = self._pages(OPEN, sort="begins_with(sk, :after)", after=prefix, filtered=IS_BATCH)
        return [_batch(item) for page in pages for item in page]

    def members(self, root_id: str) -> tuple[Member, ...]:
        pages = self._pages(f"BATCH#{root_id}")
        rows = [row for page in pages for item in page for row in json.loads(item["members"])]
        return tuple(Member(TaskRef(agent_id, task_id), fence) for agent_id, task_id, fence in rows)

    def update(self, batch: Batch) -> Batch | None:
        """Protects what another run has written, or done after writing: the version must be the one read."""
        written = _item(batch) | {"version": batch.version + 1}
        found = self._put(written, when("version = :version", version=batch.version))
        is_ours = (
            found is not None
            and found.get("runId") == batch.run_id
            and found.get("version") == batch.version + 1
        )
        return _batch(written) if found is None or is_ours else None

    def owner(self, api_id: str) -> str | None:
        return self._get(_key(API, api_id)).get("batchId")

    def own(self, api_id: str, batch_id: str, now: int) -> bool:
        """Protects an existing assignment to another batch."""
        item = _key(API, api_id) | {"batchId": batch_id, "ttl": now // 1000 + KEPT_SECONDS}
        return self._put(item, when("attribute_not_exists(pk)", "batchId = :mine", mine=batch_id)) is None

    def close(self, batch: Batch) -> None:
        """Protects what another run has written. Members are left to the table's TTL."""
        key = _open_key(batch.project_id, batch.batch_id)
        self._delete(key, when("version = :version", version=batch.version))

    def _get(self, key: Mapping[str, Any]) -> dict[str, Any]:
        """The item, or no attributes if there is none."""
        answer = self._call(self.client.get_item, Key=to_attributes(key), ConsistentRead=True)
        return from_attributes(answer.get("Item", {}))

    def _pages(
        self,
        partition: str,
        *,
        sort: str | None = None,
        after: str | None = None,
        filtered: str | None = None,
        limit: int | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Items of a partition, sorted by sort key. ``sort`` is a key condition on the value ``:after``,
        ``limit`` the size of a page."""
        given = {":pk": partition} | ({} if after is None else {":after": after})
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk" + (f" AND {sort}" if sort else ""),
            "ExpressionAttributeValues": to_attributes(given),
            "ConsistentRead": True,
        }
        query |= {} if filtered is None else {"FilterExpression": filtered}
        query |= {} if limit is None else {"Limit": limit}
        while True:
            answer = self._call(self.client.query, **query)
            yield [from_attributes(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put(self, item: Mapping[str, Any], condition: Mapping[str, Any]) -> dict[str, Any] | None:
        """None if written, otherwise the existing item; without attributes if it is gone."""
        is_put, found = call_or_item(
            self.client.put_item, TableName=self.table, Item=to_attributes(item), **condition
        )
        return None if is_put else from_attributes(found)

    def _delete(self, key: Mapping[str, Any], condition: Mapping[str, Any]) -> None:
        call_if(self.client.delete_item, TableName=self.table, Key=to_attributes(key), **condition)

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        return call(operation, TableName=self.table, **arguments)


def _is_condition(error: ClientError) -> bool:
    """Whether a condition failed, rather than the transaction conflicting or being throttled."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)


def _project(values: Mapping[str, Any]) -> QueuedProject:
    return QueuedProject(
        values["sk"],
        int(values.get("seenAt", 0)),
        int(values.get("refusals", 0)),
        int(values.get("pausedUntil", 0)),
    )


def _waiting(project_id: str, values: Mapping[str, Any]) -> QueuedTask:
    since, _, task_id = values["sk"].partition("#")
    return QueuedTask(
        TaskRef(values["agentId"], task_id), int(since), project_id, int(values.get("tries", 0))
    )


def _preparing(project_id: str, values: Mapping[str, Any]) -> Preparing:
    rows = json.loads(values["entries"])
    entries = tuple(QueuedTask(TaskRef(agent, task), since, project_id) for agent, task, since in rows)
    return Preparing(values["sk"], int(values["begunAt"]), entries)


def _preparing_key(project_id: str, run_id: str) -> dict[str, Any]:
    return _key(f"BATCH#PREPARING#{project_id}", run_id)


def _open_key(project_id: str, batch_id: str) -> dict[str, Any]:
    """Batches of an earlier release have no project. Neither kind of id contains ``#``."""
    return _key(OPEN, f"{project_id}#{batch_id}" if project_id else batch_id)


def _key(partition: str, sort: str) -> dict[str, Any]:
    return {"pk": partition, "sk": sort}


def _item(batch: Batch) -> dict[str, Any]:
    values = _open_key(batch.project_id, batch.batch_id) | {
        "runId": batch.run_id,
        "triedAt": batch.tried_at,
        "count": batch.count,
        "version": batch.version,
        "heldUntil": batch.held_until,
        "liveFrom": batch.live_from,
        "ttl": batch.tried_at // 1000 + KEPT_SECONDS,
    }
    if batch.api_id is not None:
        values["apiId"] = batch.api_id
    if batch.reserved != Usage():
        values["reserved"] = task_items.counted_value(batch.reserved)
    if batch.root is not None:
        values |= {"root": batch.root, "first": batch.first}
    if batch.end is not None:
        values["end"] = batch.end
    if batch.foreign:
        values["foreign"] = set(batch.foreign)
    return values


def _batch(values: Mapping[str, Any]) -> Batch:
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
        reserved=_reserved(values.get("reserved", {})),
        root=values.get("root"),
        first=int(values.get("first", 0)),
        end=None if end is None else int(end),
    )


def _reserved(value: Mapping[str, Any]) -> Usage:
    """Earlier releases stored one reservation per project; their batches span projects and count for none."""
    return task_items.to_counted(value) if "costUsd" in value else Usage()
