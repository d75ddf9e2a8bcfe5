"""The task store on DynamoDB. The docstring of each conditional write says what its condition protects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.calls import REFUSED, call, code_of
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.dynamodb.tasks.listing import DynamoDBTaskList
from a2a_tasks.adapters.dynamodb.tasks.pending import DynamoDBPending
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain import events
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.event import Event, Placed
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.ids import is_task_id
from a2a_tasks.domain.record_keys import call_key
from a2a_tasks.domain.schedule import GRANT_MS, Clocks, due_after_release
from a2a_tasks.domain.task import LIVE, Outcome, Payload, Slot, Status, Task, TaskRef
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import (
    Advance,
    Claim,
    Due,
    InvalidCursor,
    Outline,
    Page,
    Pause,
    Postponement,
    Refused,
    Release,
    Written,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DELETE_BATCH = 25
BEFORE_DEADLINE = "(#until > :now OR (attribute_not_exists(#until) AND deadline > :now))"
"""Items of earlier releases have a single time, under the other name."""
AFTER_DEADLINE = "(#until <= :expired OR (attribute_not_exists(#until) AND deadline <= :expired))"


@dataclass(frozen=True)
class DynamoDBTaskStore:
    """``TaskStore`` on one table with the indexes ``list``, ``due``, ``retention`` and ``pending``.

    No reader sees a task after its retention, although the table's TTL deletes it hours or days later.
    """

    client: "DynamoDBClient"
    table: str
    kept_ms: int = 0
    """Longest life and retention of a task, for its time to live (milliseconds). Only needed by functions
    that create tasks."""
    clock: Clock = field(default_factory=SystemClock)

    def create(self, task: Task) -> bool:
        """Protects an existing task of this id: this one, from a call whose response was lost or from a
        repeated request."""
        ttl = {"ttl": task_items.kept_until(task.ref.task_id, self.kept_ms)} if self.kept_ms else {}
        try:
            self._call(
                self.client.put_item,
                Item=task_items.to_item(task) | to_attributes(ttl),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if code_of(error) != REFUSED:
                raise
            return False
        return True

    def get(self, ref: TaskRef) -> Task | None:
        answer = self._call(self.client.get_item, Key=task_items.key(ref), ConsistentRead=True)
        return next(iter(self._kept([answer["Item"]] if "Item" in answer else [])), None)

    def read(self, ref: TaskRef) -> Task | None:
        answer = self._call(
            self.client.query,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=task_items.with_outputs(ref),
            ConsistentRead=True,
        )
        task = task_items.from_items(ref, answer["Items"])
        return task if task and self._kept(answer["Items"][-1:]) else None

    def get_all(self, refs: Sequence[TaskRef]) -> list[Task]:
        tasks: list[Task] = []
        keys = [task_items.key(ref) for ref in refs]
        while keys:
            request: Any = {self.table: {"Keys": keys, "ConsistentRead": True}}
            answer = call(self.client.batch_get_item, RequestItems=request)
            tasks += self._kept(answer["Responses"].get(self.table, []))
            left = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
            if len(left) == len(keys):  # not a single one: the table is throttled
                raise StoreUnavailable("no item of a batch was read")
            keys = left
        return tasks

    def page(
        self, agent_id: str, status: Status | None, limit: int, cursor: str | None, now: int = 0
    ) -> Page:
        if cursor is not None and not is_task_id(cursor):
            raise InvalidCursor(cursor)
        return self._list.page(agent_id, status, limit, cursor, now)

    def outlines(self, agent_id: str, limit: int) -> list[Outline]:
        return self._list.outlines(agent_id, limit)

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        """Protects exclusive execution: only a waiting task can be claimed, or one of a dead worker, with
        attempts and time left."""
        changes: dict[str, Any] = {
            "status": Status.RUNNING.value,
            "claimId": claim.claim_id,
            "heldBy": claim.held_by,
            "updatedAt": claim.now,
        }
        if claim.message_id is not None:
            changes["messageId"] = claim.message_id
        if claim.due_at is not None:
            changes["dueAt"] = claim.due_at
        if claim.clocks is not None:
            changes |= {"until": claim.clocks.deadline, "queueLeftMs": claim.clocks.left_ms}
        from_nobody = claim.taken_from is None
        if claim.spent is not None:
            changes["spent"] = task_items.spent_value(claim.spent)
        if claim.counted is not None:
            changes["counted"] = task_items.counted_value(claim.counted)
        if claim.slot is not None:
            changes["slot"] = task_items.slot_value(claim.slot)
        result = self._update(
            ref,
            set_=changes,
            raw_set="startedAt = if_not_exists(startedAt, :now)",
            add={"attempt": 1, "fence": 1},
            remove=[
                *("pendingAgent", "undelivered", "cutOff"),
                *([] if claim.slot else ["slot"]),
                *([] if claim.clocks is None else ["pausedMs"]),
            ],
            event=events.claimed(claim.now),
            condition=(
                f"{BEFORE_DEADLINE} AND attempt < maxAttempts AND fence = :seen AND "
                "((#status = :pending AND notBefore <= :now AND attribute_not_exists(awaits)) OR "
                "(#status = :running AND "
                + ("attribute_not_exists(heldBy)" if from_nobody else "heldBy = :dead")
                + "))"
                + ("" if claim.clocks is None or claim.due_at is not None else " AND dueAt <= :set_until")
            ),
            values={
                ":now": claim.now,
                ":seen": claim.fence,
                ":pending": Status.PENDING.value,
                ":running": Status.RUNNING.value,
            }
            | ({} if from_nobody else {":dead": claim.taken_from}),
        )
        if isinstance(result, Refused) and result.current and result.current.claim_id == claim.claim_id:
            return Written(result.current)
        return result

    def grant(
        self, ref: TaskRef, fence: int, now: int, slot: Slot | None, due_at: int | None
    ) -> Written | Refused:
        """Protects a task that no longer waits, or was just granted another slot: the rule of
        ``grantable``."""
        changes: dict[str, Any] = {}
        if slot is not None:
            changes["slot"] = task_items.slot_value(slot)
        if due_at is not None:
            changes["dueAt"] = due_at
        return self._update(
            ref,
            set_=changes,
            condition=(
                "#status = :pending AND fence = :fence AND deadline > :now AND attempt < maxAttempts "
                "AND notBefore <= :now AND attribute_not_exists(awaits) "
                "AND (attribute_not_exists(slot) OR slot.fence < :fence OR slot.#at <= :late"
                + (" OR slot.#number = :number)" if slot is not None else ")")
            ),
            names={"#at": "at"} | ({"#number": "number"} if slot is not None else {}),
            values={
                ":pending": Status.PENDING.value,
                ":fence": fence,
                ":now": now,
                ":late": now - GRANT_MS,
            }
            | ({":number": slot.number} if slot is not None else {}),
        )

    def withdraw(self, ref: TaskRef, slot: Slot) -> None:
        """Protects a slot that the task was granted since, and a claim."""
        self._update(
            ref,
            set_={},
            remove=["slot"],
            condition="#status = :pending AND slot = :slot",
            values={":pending": Status.PENDING.value, ":slot": task_items.slot_value(slot)},
        )

    def advance(self, ref: TaskRef, fence: int, advance: Advance) -> Written | Refused:
        """Protects the work of a later worker: only the holder of the task may report progress. The event
        is written at an index, because a repeated write is not refused and must not add it twice."""
        changes: dict[str, Any] = {"updatedAt": advance.now}
        if advance.spent is not None:
            changes["spent"] = task_items.spent_value(advance.spent)
        if advance.counted is not None:
            changes["counted"] = task_items.counted_value(advance.counted)
        if advance.turns is not None:
            changes["turns"] = advance.turns
        if advance.progress is not None:
            changes["progress"] = task_items.progress_value(advance.progress)
        if advance.artifacts is not None:
            changes["artifacts"] = task_items.artifacts_value(advance.artifacts)
        return self._update(
            ref,
            set_=changes,
            event=advance.event,
            **_held_under(fence),
        )

    def release(self, ref: TaskRef, fence: int, release: Release) -> Written | Refused:
        """Protects the work of a later worker: only the holder of the task may release it."""
        changes: dict[str, Any] = {
            "status": Status.PENDING.value,
            "notBefore": release.not_before,
            "dueAt": release.due_at,
            "updatedAt": release.now,
            "spent": task_items.spent_value(release.spent),
        }
        if release.counted is not None:
            changes["counted"] = task_items.counted_value(release.counted)
        if release.awaits:
            changes["awaits"] = task_items.refs_value(release.awaits)
        remove = ["heldBy"]
        if release.overload is not None:
            changes |= {"model": release.overload.model, "overloads": release.overload.count}
        else:
            remove.append("overloads")
        if release.cut_off:
            changes["cutOff"] = True
        if release.throttled_calls:
            changes["turnedAway"] = release.throttled_calls
        else:
            remove.append("turnedAway")
        if release.clocks is not None:
            changes |= _run_stands_still(release.clocks)
            remove.append("queueLeftMs")
        result = self._update(
            ref,
            set_=changes,
            add={"attempt": -1} if release.keeps_attempt else None,
            remove=remove,
            event=release.event,
            **_held_under(fence),
        )
        return _or_done(result, fence, Status.PENDING)

    def postpone(self, ref: TaskRef, fence: int, postponement: Postponement) -> Written | Refused:
        """Protects a claim; and if the task has two messages, only the first one moves it."""
        changes: dict[str, Any] = {
            "notBefore": postponement.not_before,
            "dueAt": postponement.due_at,
            "turnedAway": postponement.throttled_calls,
            "updatedAt": postponement.now,
        }
        if postponement.clocks is not None:
            changes |= _run_stands_still(postponement.clocks)
        return self._update(
            ref,
            set_=changes,
            remove=["slot", *([] if postponement.clocks is None else ["queueLeftMs"])],
            condition=(
                f"#status = :pending AND fence = :fence AND notBefore <= :now AND {BEFORE_DEADLINE} AND "
                "attribute_not_exists(awaits)"
            ),
            values={":pending": Status.PENDING.value, ":fence": fence, ":now": postponement.now},
        )

    def pause(self, ref: TaskRef, fence: int, pause: Pause) -> Written | Refused:
        """Protects the work of a later worker: only the holder of the task may ask its caller."""
        changes: dict[str, Any] = {
            "status": Status.INPUT_REQUIRED.value,
            "question": task_items.question_value(pause.question),
            "until": pause.deadline,
            "dueAt": pause.deadline,
            "pausedMs": pause.left_ms,
            "updatedAt": pause.now,
        }
        if pause.counted is not None:
            changes["counted"] = task_items.counted_value(pause.counted)
        result = self._update(
            ref,
            set_=changes,
            add={"attempt": -1},  # the claim that continues with the answer is the same attempt
            remove=["heldBy"],
            event=events.asked(pause.now),
            **_held_under(fence),
        )
        return _or_done(result, fence, Status.INPUT_REQUIRED)

    def resume(self, ref: TaskRef, call_id: str, now: int) -> Written | Refused:
        """Protects a later question, and the end: the answer must be for the question that is open."""
        current = self.get(ref)
        if current is None or current.paused_ms is None:
            return Refused(current)
        deadline = now + current.paused_ms
        return self._update(
            ref,
            set_={
                "status": Status.PENDING.value,
                "until": deadline,
                "dueAt": due_after_release(now, deadline),
                "updatedAt": now,
            },
            raw_set="answered = list_append(if_not_exists(answered, :none), :answer)",
            remove=["question", "pausedMs"],
            event=events.answered(now),
            condition=(
                f"#status = :asked AND question.callId = :call AND {BEFORE_DEADLINE} AND pausedMs = :left"
            ),
            values={
                ":asked": Status.INPUT_REQUIRED.value,
                ":call": call_id,
                ":now": now,
                ":left": current.paused_ms,
                ":none": [],
                ":answer": [call_key(current.turns, call_id)],
            },
        )

    def wake(self, ref: TaskRef, fence: int, now: int) -> Written | Refused:
        """Protects a task that has continued meanwhile: it must still wait under the same fence."""
        return self._update(
            ref,
            set_={"updatedAt": now},
            remove=["awaits"],
            condition="#status = :pending AND fence = :fence AND attribute_exists(awaits)",
            values={":pending": Status.PENDING.value, ":fence": fence},
        )

    def enable_live(self, ref: TaskRef) -> Written | Refused:
        """Protects the end: an ended task has no more text to publish."""
        names = [f":status{n}" for n in range(len(LIVE))]
        return self._update(
            ref,
            set_={"live": True},
            condition=f"#status IN ({', '.join(names)})",
            values={name: status.value for name, status in zip(names, sorted(LIVE), strict=True)},
        )

    def finish(self, ref: TaskRef, outcome: Outcome, guard: Guard) -> Written | Refused:
        """Protects the terminal state: the first end wins, and a stale worker writes nothing."""
        changes: dict[str, Any] = {
            "status": outcome.status.value,
            "completedAt": outcome.at,
            "updatedAt": outcome.at,
            "finishId": outcome.finish_id,
            "endedAs": task_items.ended_value(outcome),
            "ttl": outcome.retain_until // 1000,
        }
        if outcome.output is not None:
            changes["output"] = task_items.payload_value(outcome.output)
        if outcome.failure is not None:
            changes["failure"] = task_items.failure_value(outcome.failure)
        if outcome.spent is not None:
            changes["spent"] = task_items.spent_value(outcome.spent)
        condition, values = _to_condition(guard)
        left = ["dueShard", "dueAt", "question", "pendingAgent"] + (["heldBy"] if guard.by_holder else [])
        result = self._update(
            ref,
            set_=changes,
            remove=left,
            event=events.ended(outcome),
            condition=condition,
            values=values,
        )
        if isinstance(result, Refused) and result.current and result.current.finish_id == outcome.finish_id:
            return Written(result.current)
        return result

    def add_partial_output(
        self, ref: TaskRef, fence: int, output: Payload | None, spent: tuple[Spent, ...]
    ) -> Written | Refused:
        """Protects the end, and the output of a later worker: takes effect once, under the same fence."""
        changes: dict[str, Any] = {"spent": task_items.spent_value(spent)}
        if output is not None:
            changes["output"] = task_items.payload_value(output)
        return self._update(
            ref,
            set_=changes,
            remove=["heldBy"],
            condition=(
                "#status IN (:canceled, :failed) AND fence = :fence AND attribute_exists(heldBy) "
                "AND attribute_not_exists(#output)"
            ),
            names={"#output": "output"},
            values={
                ":canceled": Status.CANCELED.value,
                ":failed": Status.FAILED.value,
                ":fence": fence,
            },
        )

    def note_counted(self, ref: TaskRef, seen: Usage | None, counted: Usage) -> bool:
        """Protects what another process has counted meanwhile (compare-and-set)."""
        value = None if seen is None else task_items.counted_value(seen)
        result = self._update(
            ref,
            set_={"counted": task_items.counted_value(counted)},
            condition="attribute_not_exists(counted)" if value is None else "counted = :seen",
            values={} if value is None else {":seen": value},
        )
        return isinstance(result, Written)

    def enable_notifications(self, ref: TaskRef) -> bool:
        """Protects against creating an item for a task that is gone."""
        result = self._update(ref, set_={"notify": True}, condition="attribute_exists(projectId)", values={})
        return isinstance(result, Written)

    def reschedule(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        """Protects against two sweeps that act on one index entry: the due time must be the one seen. And
        against a claim in between: no task may be due after its deadline."""
        result = self._update(
            ref,
            set_={"dueAt": due_at},
            condition="dueAt = :seen AND (attribute_not_exists(#until) OR #until >= :set_dueAt)",
            values={":seen": seen_due_at},
        )
        return isinstance(result, Written)

    def note_undelivered(
        self, ref: TaskRef, fence: int, seen: Undelivered | None, undelivered: Undelivered, due_at: int
    ) -> bool:
        """Protects what has happened since: a claim, an end, or another dead letter, which is recorded
        once."""
        value = None if seen is None else task_items.undelivered_value(seen)
        result = self._update(
            ref,
            set_={"undelivered": task_items.undelivered_value(undelivered), "dueAt": due_at},
            condition="#status IN (:pending, :running) AND fence = :fence AND "
            + ("attribute_not_exists(undelivered)" if value is None else "undelivered = :seen"),
            values={
                ":pending": Status.PENDING.value,
                ":running": Status.RUNNING.value,
                ":fence": fence,
            }
            | ({} if value is None else {":seen": value}),
        )
        return isinstance(result, Written)

    def due(self, shard: int, now: int, limit: int, after: Due | None = None) -> list[Due]:
        start = {}
        if after is not None:
            place = to_attributes({"dueShard": f"due#{shard}", "dueAt": after.due_at})
            start = {"ExclusiveStartKey": task_items.key(after.ref) | place}
        items = self._index("due", "dueShard", f"due#{shard}", "dueAt", now, limit, start)
        return [Due(task_items.ref_of(item), int(item["dueAt"]["N"])) for item in items]

    def count_pending(self, agent_id: str, limit: int, now: int) -> int:
        return DynamoDBPending(self.client, self.table).count(agent_id, limit, now)

    def forgotten(self, shard: int, now: int, limit: int) -> list[Task]:
        items = self._index("retention", "expireShard", f"retention#{shard}", "expireAt", now, limit)
        found = (
            self._call(self.client.get_item, Key={"pk": item["pk"], "sk": item["sk"]}, ConsistentRead=True)
            for item in items
        )
        return [task_items.from_item(answer["Item"]) for answer in found if "Item" in answer]

    def remembers(self, task_id: str) -> bool:
        answer = self._call(
            self.client.query,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_attributes(
                {":pk": task_items.partition(task_id), ":prefix": task_items.TASK_PREFIX}
            ),
            ConsistentRead=True,
        )
        return bool(self._kept(answer["Items"]))

    def expire(self, ref: TaskRef, at: int) -> None:
        """Protects a live task, and an earlier time. The table's TTL is later than clean-up, which needs
        the item to find what the task owns."""
        self._update(
            ref,
            set_={
                "expireShard": task_items.retention_shard(ref.task_id),
                "expireAt": at,
                "ttl": at // 1000 + task_items.TTL_GRACE_SECONDS,
            },
            condition="attribute_exists(endedAs) AND (attribute_not_exists(expireAt) OR expireAt > :at)",
            values={":at": at},
        )

    def delete(self, ref: TaskRef) -> None:
        """What the task owns goes first, so that a crash leaves the item that leads to it."""
        self.delete_owned(ref.task_id)
        self._call(self.client.delete_item, Key=task_items.key(ref))

    def delete_owned(self, task_id: str) -> None:
        for partition in (task_items.owned_partition(task_id), task_items.partition(task_id)):
            while keys := self._keys(partition):
                requests: list[Any] = [{"DeleteRequest": {"Key": key}} for key in keys]
                call(self.client.batch_write_item, RequestItems={self.table: requests})

    def _keys(self, partition: str) -> list[dict[str, Any]]:
        """The next batch of keys, without the task's own item, including those that an earlier batch left
        unprocessed."""
        answer = self._call(
            self.client.query,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_attributes({":pk": partition}),
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
            Limit=DELETE_BATCH + 1,
        )
        keys: list[dict[str, Any]] = answer["Items"]
        return [key for key in keys if not key["sk"]["S"].startswith(task_items.TASK_PREFIX)][:DELETE_BATCH]

    def _kept(self, items: Sequence[Mapping[str, Any]]) -> list[Task]:
        """The tasks of items, without those past their retention."""
        now = self.clock.now()
        return [task_items.from_item(item) for item in items if not task_items.is_past(item, now)]

    def _index(
        self,
        index: str,
        shard_name: str,
        shard: str,
        time_name: str,
        until: int,
        limit: int,
        start: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        answer = self._call(
            self.client.query,
            IndexName=index,
            KeyConditionExpression="#shard = :shard AND #time <= :until",
            ExpressionAttributeNames={"#shard": shard_name, "#time": time_name},
            ExpressionAttributeValues=to_attributes({":shard": shard, ":until": until}),
            Limit=limit,
            **start or {},
        )
        items: list[dict[str, Any]] = answer["Items"]
        return items

    def _update(
        self,
        ref: TaskRef,
        *,
        set_: dict[str, Any],
        condition: str,
        values: dict[str, Any],
        raw_set: str | None = None,
        add: dict[str, int] | None = None,
        remove: list[str] | None = None,
        names: dict[str, str] | None = None,
        event: Event | Placed | None = None,
    ) -> Written | Refused:
        """One conditional update. A refusal returns the item as it is, which saves a second read."""
        assignments = [f"#{name} = :set_{name}" for name in set_] + ([raw_set] if raw_set else [])
        if event is not None:
            assignment, told = _telling(event)
            assignments.append(assignment)
            values = values | told
            names = {"#events": "events"} | (names or {})
            if isinstance(event, Placed) and event.is_last:
                remove = [*(remove or []), f"#events[{event.place + 1}]"]
        expression = "SET " + ", ".join(assignments) if assignments else ""
        if add:
            expression += " ADD " + ", ".join(f"{name} :add_{name}" for name in add)
        if remove:
            expression += " REMOVE " + ", ".join(remove)
        all_values = (
            {f":set_{name}": value for name, value in set_.items()}
            | {f":add_{name}": value for name, value in (add or {}).items()}
            | values
        )
        names = {f"#{name}": name for name in set_} | (names or {})
        for placeholder in ("#status", "#until"):
            if placeholder in condition:
                names[placeholder] = placeholder.removeprefix("#")
        try:
            answer = self._call(
                self.client.update_item,
                Key=task_items.key(ref),
                UpdateExpression=expression,
                # without it, an update of a missing item would create one
                ConditionExpression=f"attribute_exists(pk) AND ({condition})",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_attributes(all_values),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) != REFUSED:
                raise
            item = cast("dict[str, Any]", error.response.get("Item"))
            return Refused(task_items.from_item(item) if item else None)
        return Written(task_items.from_item(answer["Attributes"]))

    @property
    def _list(self) -> DynamoDBTaskList:
        return DynamoDBTaskList(self.client, self.table, self.get_all)

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        return call(operation, TableName=self.table, **arguments)


def _telling(event: Event | Placed) -> tuple[str, dict[str, Any]]:
    """The assignment that adds an event, at its index if it has one. Tasks of releases without events have
    no list yet."""
    if isinstance(event, Event):
        values = {":told": [task_items.event_value(event)], ":none": []}
        return "#events = list_append(if_not_exists(#events, :none), :told)", values
    told = task_items.event_value(event.event)
    if event.place == 0:
        return "#events = :told", {":told": [told]}
    return f"#events[{event.place}] = :told", {":told": told}


def _run_stands_still(clocks: Clocks) -> dict[str, Any]:
    return {"until": clocks.deadline, "pausedMs": clocks.left_ms}


def _held_under(fence: int) -> dict[str, Any]:
    """The condition that the worker with this fence holds the task."""
    values = {":running": Status.RUNNING.value, ":fence": fence}
    return {"condition": "#status = :running AND fence = :fence", "values": values}


def _or_done(result: Written | Refused, fence: int, status: Status) -> Written | Refused:
    """Treat a refusal as success if an earlier call, whose response was lost, has already done the same."""
    current = result.current if isinstance(result, Refused) else None
    done = current is not None and current.status is status and current.fence == fence
    return Written(current) if current is not None and done else result


def _to_condition(guard: Guard) -> tuple[str, dict[str, Any]]:
    """A guard as a condition expression: the same rule as ``Guard.allows``."""
    names = [f":status{n}" for n in range(len(guard.statuses))]
    values: dict[str, Any] = {
        name: status.value for name, status in zip(names, sorted(guard.statuses), strict=True)
    }
    conditions = [f"#status IN ({', '.join(names)})"]
    if guard.fence is not None:
        conditions.append("fence = :fence")
        values[":fence"] = guard.fence
    if guard.deadline_after is not None:
        conditions.append(BEFORE_DEADLINE)
        values[":now"] = guard.deadline_after
    if guard.deadline_by is not None:
        conditions.append(AFTER_DEADLINE)
        values[":expired"] = guard.deadline_by
    return " AND ".join(conditions), values
