"""Batches and their line on DynamoDB, in the tasks' table.

BATCH#LINE       <project id>#<task id>  a task in line
BATCH#PREPARING  <run id>        the tasks in line that a run is about to put into a batch
BATCH#OPEN       <batch id>      a batch whose results are not recorded, or one that was abandoned
BATCH#<batch id> MEMBERS#<n>     its tasks, a thousand an item: an item takes 400 KB
BATCH#API        <API's id>      the batch that it belongs to
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched, islice
from typing import Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters import task_items
from a2a_tasks.adapters.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb_batch_line import LINE, DynamoDBBatchLine, place
from a2a_tasks.adapters.dynamodb_calls import call
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.ports.batches import Batch, Member, Preparing, Waiting, evenly

MEMBERS_PER_ITEM = 1_000
KEPT_SECONDS = 30 * 24 * 3600
"""So long the table's TTL leaves what a batch leaves behind: the API keeps results for 29 days."""
OPEN, API, PREPARING = "BATCH#OPEN", "BATCH#API", "BATCH#PREPARING"
BEFORE_ALL, AFTER_ALL = " ", "~"
"""Sort before every project's id, and behind every task's."""


@dataclass(frozen=True)
class DynamoDBBatches(DynamoDBBatchLine):
    """``BatchStore``. Beside each conditional write stands what it protects."""

    def waiting(self, now: int, limit: int) -> list[Waiting]:
        projects = list(islice(self._projects_in_line(), limit))
        share = limit // max(1, len(projects))
        return evenly([self._line_of(project_id, now, share) for project_id in projects])

    def _projects_in_line(self) -> Iterator[str]:
        """One small read for each, whatever stands in between."""
        after = BEFORE_ALL
        while True:
            found = self._call(
                self.client.query,
                KeyConditionExpression="pk = :pk AND sk > :after",
                ExpressionAttributeValues=to_attributes({":pk": LINE, ":after": after}),
                ConsistentRead=True,
                Limit=1,
            )["Items"]
            if not found:
                return
            project_id = from_attributes(found[0])["sk"].partition("#")[0]
            yield project_id
            after = place(project_id, AFTER_ALL)

    def _line_of(self, project_id: str, now: int, limit: int) -> list[Waiting]:
        found: list[Waiting] = []
        for page in self._pages(LINE, "since <= :now", {":now": now}, place(project_id, "")):
            for entry in page:
                ref = TaskRef(entry["agentId"], entry["sk"].partition("#")[2])
                found.append(Waiting(ref, int(entry["since"]), project_id, int(entry.get("tries", 0))))
            if len(found) >= limit:
                break
        return found[:limit]

    def drop(self, entry: Waiting) -> None:
        """Protects an entry that was made anew since this one was read."""
        self._delete(
            _key(LINE, place(entry.project_id, entry.task_id)), "since = :seen", {":seen": entry.since}
        )

    def count_try(self, entry: Waiting, run_id: str) -> int:
        """Protects an entry that was made anew, or is gone, since this one was read. A run counts once."""
        try:
            answer = self._call(
                self.client.update_item,
                Key=to_attributes(_key(LINE, place(entry.project_id, entry.ref.task_id))),
                UpdateExpression="ADD tries :one SET triedBy = :run",
                ConditionExpression="since = :seen AND (attribute_not_exists(triedBy) OR triedBy <> :run)",
                ExpressionAttributeValues=to_attributes({":one": 1, ":seen": entry.since, ":run": run_id}),
                ReturnValues="UPDATED_NEW",
            )
        except ClientError:
            return 0
        return int(from_attributes(answer["Attributes"])["tries"])

    def note_preparing(self, run_id: str, now: int, entries: Sequence[Waiting]) -> None:
        rows = [[entry.ref.agent_id, entry.ref.task_id, entry.since, entry.project_id] for entry in entries]
        item = _key(PREPARING, run_id) | {"begunAt": now, "ttl": now // 1000 + KEPT_SECONDS}
        item |= {"entries": json.dumps(rows, separators=(",", ":"))}
        self._call(self.client.put_item, Item=to_attributes(item))

    def preparing(self) -> list[Preparing]:
        return [_preparing(item) for page in self._pages(PREPARING) for item in page]

    def end_preparing(self, run_id: str) -> None:
        self._call(self.client.delete_item, Key=to_attributes(_key(PREPARING, run_id)))

    def begin(self, batch: Batch, members: tuple[Member, ...]) -> bool:
        """Protects tasks that were given back: a batch that was abandoned never begins. The members go first,
        since a batch without them would be lost."""
        ttl = batch.tried_at // 1000 + KEPT_SECONDS
        for number, part in enumerate(batched(members, MEMBERS_PER_ITEM, strict=False)):
            rows = [[member.ref.agent_id, member.ref.task_id, member.fence] for member in part]
            item = _key(f"BATCH#{batch.batch_id}", f"MEMBERS#{number:04d}")
            item |= {"members": json.dumps(rows, separators=(",", ":")), "ttl": ttl}
            self._call(self.client.put_item, Item=to_attributes(item))
        found = self._put(_key(OPEN, batch.batch_id) | _values(batch), "attribute_not_exists(pk)")
        return found is None or "abandoned" not in found

    def abandon(self, batch_id: str, now: int) -> bool:
        """Protects a batch that was written down: its tasks stay its members."""
        item = _key(OPEN, batch_id) | {"abandoned": True, "ttl": now // 1000 + KEPT_SECONDS}
        return self._put(item, "attribute_not_exists(pk) OR attribute_exists(abandoned)") is None

    def open_batches(self) -> list[Batch]:
        pages = self._pages(OPEN, "attribute_not_exists(abandoned)")
        return [_batch(item) for page in pages for item in page]

    def members(self, batch_id: str) -> tuple[Member, ...]:
        pages = self._pages(f"BATCH#{batch_id}")
        rows = [row for page in pages for item in page for row in json.loads(item["members"])]
        return tuple(Member(TaskRef(agent_id, task_id), fence) for agent_id, task_id, fence in rows)

    def update(self, batch: Batch) -> Batch | None:
        """Protects what another run has written, or done after writing: the version must be the one read."""
        written = _values(batch) | {"version": batch.version + 1}
        found = self._put(
            _key(OPEN, batch.batch_id) | written, "version = :version", {":version": batch.version}
        )
        is_ours = (
            found is not None
            and found.get("runId") == batch.run_id
            and found.get("version") == batch.version + 1
        )
        return _batch(_key(OPEN, batch.batch_id) | written) if found is None or is_ours else None

    def owner(self, api_id: str) -> str | None:
        answer = self._call(self.client.get_item, Key=to_attributes(_key(API, api_id)), ConsistentRead=True)
        return from_attributes(answer.get("Item", {})).get("batchId")

    def own(self, api_id: str, batch_id: str, now: int) -> bool:
        """Protects the batch that it belongs to already."""
        item = _key(API, api_id) | {"batchId": batch_id, "ttl": now // 1000 + KEPT_SECONDS}
        found = self._put(item, "attribute_not_exists(pk) OR batchId = :mine", {":mine": batch_id})
        return found is None

    def close(self, batch: Batch) -> None:
        """Protects what another run has written. The members are left to the table's TTL."""
        self._delete(_key(OPEN, batch.batch_id), "version = :version", {":version": batch.version})

    def _pages(
        self,
        partition: str,
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        prefix: str | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """The items of a partition in the order of their sort keys; with ``prefix`` those that begin so."""
        given = {":pk": partition} | dict(values or {}) | ({":prefix": prefix} if prefix else {})
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
            "ExpressionAttributeValues": to_attributes(given),
            "ConsistentRead": True,
        }
        if condition is not None:
            query["FilterExpression"] = condition
        while True:
            answer = self._call(self.client.query, **query)
            yield [from_attributes(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put(
        self, item: Mapping[str, Any], condition: str, values: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """None if written, or else the item that is there; one that is gone has no attributes."""
        extra = {"ExpressionAttributeValues": to_attributes(values)} if values else {}
        try:
            self._call(
                self.client.put_item,
                Item=to_attributes(item),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **extra,
            )
        except ClientError as error:
            found: Mapping[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
            return from_attributes(found)
        return None

    def _delete(self, key: Mapping[str, Any], condition: str, values: Mapping[str, Any]) -> None:
        with suppress(ClientError):
            self._call(
                self.client.delete_item,
                Key=to_attributes(key),
                ConditionExpression=condition,
                ExpressionAttributeValues=to_attributes(values),
            )

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        return call(operation, TableName=self.table, **arguments)


def _preparing(values: Mapping[str, Any]) -> Preparing:
    rows = json.loads(values["entries"])
    entries = tuple(Waiting(TaskRef(agent, task), since, project) for agent, task, since, project in rows)
    return Preparing(values["sk"], int(values["begunAt"]), entries)


def _key(partition: str, sort: str) -> dict[str, Any]:
    return {"pk": partition, "sk": sort}


def _values(batch: Batch) -> dict[str, Any]:
    values: dict[str, Any] = {
        "runId": batch.run_id,
        "triedAt": batch.tried_at,
        "count": batch.count,
        "version": batch.version,
        "heldUntil": batch.held_until,
        "liveFrom": batch.live_from,
    }
    if batch.api_id is not None:
        values["apiId"] = batch.api_id
    if batch.reserved:
        values["reserved"] = {
            project_id: task_items.counted_value(usage) for project_id, usage in batch.reserved.items()
        }
    if batch.foreign:
        values["foreign"] = set(batch.foreign)
    return values


def _batch(values: Mapping[str, Any]) -> Batch:
    return Batch(
        batch_id=values["sk"],
        run_id=values["runId"],
        tried_at=int(values["triedAt"]),
        count=int(values["count"]),
        version=int(values["version"]),
        api_id=values.get("apiId"),
        foreign=frozenset(values.get("foreign", ())),
        held_until=int(values["heldUntil"]),
        live_from=int(values["liveFrom"]),
        reserved={
            project_id: task_items.to_counted(value)
            for project_id, value in values.get("reserved", {}).items()
        },
    )
