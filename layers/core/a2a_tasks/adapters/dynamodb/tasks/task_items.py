"""Tasks as DynamoDB items, both ways. docs/data-model.md lists the attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from a2a_tasks.adapters.dynamodb.tasks import task_values
from a2a_tasks.domain import queue_time
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.ids import IdRange, created_ms, shard
from a2a_tasks.domain.schedule import earliest_end
from a2a_tasks.domain.task import (
    Lane,
    Outcome,
    Priority,
    Status,
    Task,
    TaskRef,
)
from a2a_tasks.ports.payloads import item_key
from a2a_tasks.ports.tasks import TaskSummary

TASK_PREFIX = "TASK#"
OUTPUTS = "OUTPUT"
"""What the names of outputs begin with."""
TTL_GRACE_SECONDS = 7 * 24 * 3600
"""Where clean-up, or an end that comes late, goes before the table's TTL. That is never a timer."""
LIST_SHARDS = 4
"""Partitions of an agent's tasks in the index ``list``, each of which takes 1,000 writes a second. Every list
reads all of them; with fewer than before, the tasks of the others would not be listed any more."""


def key(ref: TaskRef) -> dict[str, Any]:
    """A task's primary key: in a partition of its own, and only under its agent's name."""
    return {"pk": partition(ref.task_id), "sk": f"{TASK_PREFIX}{ref.agent_id}"}


def partition(task_id: str) -> str:
    """The partition of a task's record and its texts."""
    return f"{TASK_PREFIX}{task_id}"


def owned_partition(task_id: str) -> str:
    """The partition of everything else that a task owns: functions may write there that may write no task."""
    return f"OWNED#{task_id}"


def owned_key(task_id: str, name: str) -> dict[str, Any]:
    """The primary key of an item in that partition."""
    return {"pk": owned_partition(task_id), "sk": name}


def ref_of(keys: Mapping[str, Any]) -> TaskRef:
    """The task of a record, or of its entry in an index."""
    return TaskRef(keys["sk"].removeprefix(TASK_PREFIX), keys["pk"].removeprefix(TASK_PREFIX))


def list_partition(agent_id: str, number: int) -> str:
    """A partition of the indexes ``list`` and ``pending``."""
    return f"AGENT#{agent_id}#{number}"


def listed_in(shard_key: str, ids: IdRange) -> tuple[str, dict[str, str]]:
    """The condition of a query of the index ``list``, and its values: the tasks with these ids."""
    values = {"pk": shard_key, "first": partition(ids.first), "last": partition(ids.last)}
    return "listShard = :pk AND pk BETWEEN :first AND :last", values


def ended_value(outcome: Outcome) -> str:
    """How a task has ended, for its entry in the index ``list``."""
    return outcome.status.value + (f"#{outcome.failure.code.value}" if outcome.failure else "")


def due_shard(task_id: str) -> str:
    return f"due#{shard(task_id)}"


def retention_shard(task_id: str) -> str:
    return f"retention#{shard(task_id)}"


def kept_until(task_id: str, kept_ms: int) -> int:
    """The ``ttl`` of what a task owns, which is written before anybody knows when the task ends."""
    return (created_ms(task_id) + kept_ms) // 1000 + TTL_GRACE_SECONDS


def is_past(record: Mapping[str, Any], now: int) -> bool:
    """The task's retention is over."""
    return "endedAs" in record and "ttl" in record and int(record["ttl"]) * 1000 <= now


def to_item(task: Task) -> dict[str, Any]:
    """A new task's item. What is None is no attribute."""
    list_shard = list_partition(task.ref.agent_id, shard(task.ref.task_id) % LIST_SHARDS)
    return key(task.ref) | {
        "projectId": task.project_id,
        "status": task.status.value,
        "createdAt": task.created_at,
        "updatedAt": task.updated_at,
        "until": task.deadline,
        # never changed: it is in the index ``list``, where each change would cost a write
        "deadline": earliest_end(task),
        "input": task_values.payload_value(task.input),
        "agentRevision": task.agent_revision,
        "model": task.model,
        "maxAttempts": task.max_attempts,
        "correlationId": task.correlation_id,
        "attempt": task.attempt,
        "fence": task.fence,
        "notBefore": task.not_before,
        "turns": task.turns,
        "spent": task_values.spent_value(task.spent),
        "listShard": list_shard,
        "events": [task_values.event_value(event) for event in task.events],
        "timeoutMs": task.timeout_ms,
        "pausedMs": task.paused_ms,
        "endsBy": task.ends_by,
        "contextId": task.context_id,
        "live": task.live or None,
        "notify": task.notifies or None,
        "spender": task.spender,
        "groups": list(task.groups) or None,
        "boundsTries": task.bounds_tries or None,
        "keyId": task.key_id,
        "retryOf": task.retry_of,
        "trace": task_values.trace_value(task.trace) if task.trace else None,
        "queueTimeoutMs": None if task.queue_timeout_ms == queue_time.DEFAULT else task.queue_timeout_ms,
        "priority": None if task.priority is Priority.NORMAL else task.priority.value,
        "lane": None if task.lane is Lane.STANDARD else task.lane.value,
        "budget": task_values.budget_value(task.budget) or None,
        "parent": task_values.parent_value(task.parent) if task.parent else None,
        "depth": task.depth or None,
        "counted": task_values.counted_value(task.counted) if task.counted else None,
        # both indexes are sparse: they contain only tasks that wait for something
        "pendingAgent": list_shard if task.counts_as_pending else None,
        "dueShard": None if task.due_at is None else due_shard(task.ref.task_id),
        "dueAt": task.due_at,
    }


def from_item(values: Mapping[str, Any]) -> Task:
    """A stored task."""
    ref = ref_of(values)
    task_id = ref.task_id
    return Task(
        ref=ref,
        project_id=values["projectId"],
        status=Status(values["status"]),
        created_at=int(values["createdAt"]),
        updated_at=int(values["updatedAt"]),
        input=task_values.to_payload(task_id, values["input"]),
        agent_revision=int(values["agentRevision"]),
        model=values["model"],
        max_attempts=int(values["maxAttempts"]),
        correlation_id=values["correlationId"],
        attempt=int(values["attempt"]),
        fence=int(values["fence"]),
        claim_id=values.get("claimId"),
        held_by=values.get("heldBy"),
        message_id=values.get("messageId"),
        not_before=int(values["notBefore"]),
        due_at=task_values.optional_int(values.get("dueAt")),
        started_at=task_values.optional_int(values.get("startedAt")),
        completed_at=task_values.optional_int(values.get("completedAt")),
        output=task_values.to_payload(task_id, values["output"]) if "output" in values else None,
        failure=task_values.to_failure(values["failure"]) if "failure" in values else None,
        finish_id=values.get("finishId"),
        priority=Priority(values.get("priority", Priority.NORMAL)),
        lane=Lane(values.get("lane", Lane.STANDARD)),
        context_id=values.get("contextId"),
        budget=task_values.to_budget(values.get("budget", {})),
        parent=task_values.to_parent(values["parent"]) if "parent" in values else None,
        depth=int(values.get("depth", 0)),
        turns=int(values.get("turns", 0)),
        spent=task_values.to_spent(values),
        counted=task_values.to_counted(values["counted"]) if "counted" in values else None,
        progress=task_values.to_progress(values.get("progress", {})),
        question=task_values.to_question(values["question"]) if "question" in values else None,
        awaits=tuple(task_values.to_ref(value) for value in values.get("awaits", ())),
        artifacts=tuple(task_values.to_artifact(value) for value in values.get("artifacts", ())),
        answered=tuple(values.get("answered", ())),
        live=bool(values.get("live", False)),
        notifies=values.get("notify", False),
        spender=values.get("spender"),
        groups=tuple(values.get("groups", ())),
        counts_as_pending="pendingAgent" in values,
        slot=task_values.to_slot(values["slot"]) if "slot" in values else None,
        overloads=int(values.get("overloads", 0)),
        undelivered=task_values.to_undelivered(values["undelivered"]) if "undelivered" in values else None,
        cut_off=values.get("cutOff", False),
        throttled_calls=int(values.get("turnedAway", 0)),
        bounds_tries=bool(values.get("boundsTries", False)),
        trace=task_values.to_trace(values["trace"]) if "trace" in values else None,
        events=tuple(task_values.to_event(value) for value in values["events"]),
        key_id=values.get("keyId"),
        retry_of=values.get("retryOf"),
        **_clocks(values),
    )


def _clocks(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "deadline": int(values["until"]),
        "timeout_ms": task_values.optional_int(values.get("timeoutMs")),
        "queue_timeout_ms": int(values.get("queueTimeoutMs", queue_time.DEFAULT)),
        "queue_left_ms": task_values.optional_int(values.get("queueLeftMs")),
        "paused_ms": task_values.optional_int(values.get("pausedMs")),
        "ends_by": task_values.optional_int(values.get("endsBy")),
    }


def with_outputs(ref: TaskRef) -> dict[str, Any]:
    """The range of a task's record and its outputs, which sort right before it."""
    # one query reads both: ``OUTPUT…`` sorts right before ``TASK#…``, and inputs before that
    last = key(ref)
    return {"pk": last["pk"], "first": OUTPUTS, "last": last["sk"]}


def from_items(ref: TaskRef, items: Sequence[Mapping[str, Any]]) -> Task | None:
    """The task of such a range, with its output at hand if that is among the items."""
    record = next((item for item in items if item["sk"] == key(ref)["sk"]), None)
    if record is None:
        return None
    task = from_item(record)
    for item in items:
        if task.output and task.output.key == item_key(ref.task_id, item["sk"]):
            output = replace(task.output, inline=task_values.to_text(item).decode())
            return replace(task, output=output)
    return task


def to_summary(values: Mapping[str, Any]) -> TaskSummary | None:
    """What an entry of the index ``list`` says of an ended task; None where it has not ended."""
    if "endedAs" not in values:
        return None
    status, _, code = values["endedAs"].partition("#")
    return TaskSummary(
        ref=ref_of(values),
        project_id=values["projectId"],
        status=Status(status),
        updated_at=int(values["completedAt"]),
        deadline=int(values["deadline"]),
        context_id=values.get("contextId"),
        failure=FailureCode(code) if code else None,
        key_id=values.get("keyId"),
        used=task_values.to_used(values.get("used", ())),
    )
