"""Tasks as DynamoDB items, both ways. docs/data-model.md lists the attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from a2a_tasks.domain import queue_time
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.event import Event, EventType
from a2a_tasks.domain.ids import created_ms, shard
from a2a_tasks.domain.schedule import earliest_end
from a2a_tasks.domain.task import (
    Artifact,
    ArtifactForm,
    Budget,
    Lane,
    Outcome,
    Parent,
    Payload,
    Priority,
    Progress,
    Question,
    Slot,
    Status,
    Task,
    TaskRef,
)
from a2a_tasks.domain.text.packed import packed, unpacked
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.payloads import is_item, item_key, item_of
from a2a_tasks.ports.tasks import Outline

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


def text_value(text: bytes) -> dict[str, Any]:
    """A text as attributes of an item."""
    compressed = packed(text)
    return {"text": text.decode()} if compressed is None else {"packed": compressed}


def to_text(values: Mapping[str, Any]) -> bytes:
    if "packed" in values:
        return unpacked(bytes(values["packed"]))
    return str(values["text"]).encode()


def payload_value(payload: Payload) -> dict[str, Any]:
    if payload.key is None:
        return text_value((payload.inline or "").encode())
    if is_item(payload.key):
        return {"item": item_of(payload.key)[1]}
    return {"key": payload.key, "sha256": payload.sha256 or ""}


def failure_value(failure: Failure) -> dict[str, str]:
    return {"code": failure.code.value, "message": failure.message}


def spent_value(spent: tuple[Spent, ...]) -> list[dict[str, Any]]:
    return [
        _known(
            {
                "attempt": entry.attempt,
                "model": entry.model,
                "taskId": entry.task_id,
                "reserved": entry.reserved or None,
            }
        )
        | _usage_value(entry.usage)
        for entry in spent
    ]


def counted_value(counted: Usage) -> dict[str, Any]:
    return {"costUsd": counted.cost_usd or Decimal(0), "tokens": counted.tokens}


def refs_value(refs: tuple[TaskRef, ...]) -> list[dict[str, str]]:
    return [_ref_value(ref) for ref in refs]


def progress_value(progress: Progress) -> dict[str, Any]:
    return _known({"tool": progress.tool, "step": progress.step, "percent": progress.percent})


def slot_value(slot: Slot) -> dict[str, int]:
    return {"number": slot.number, "fence": slot.fence, "at": slot.at}


def question_value(question: Question) -> dict[str, Any]:
    options = {"options": list(question.options)} if question.options else {}
    return {"callId": question.call_id, "text": question.text} | options


def undelivered_value(undelivered: Undelivered) -> dict[str, int]:
    return {"times": undelivered.times, "resentAt": undelivered.resent_at}


def artifacts_value(artifacts: tuple[Artifact, ...]) -> list[dict[str, Any]]:
    return [
        _known(
            {
                "artifactId": artifact.artifact_id,
                "name": artifact.name,
                "mediaType": artifact.media_type,
                "sizeBytes": artifact.size_bytes,
                "key": artifact.key,
                "url": artifact.url,
                "form": artifact.form.value,
            }
        )
        for artifact in artifacts
    ]


def event_value(event: Event) -> dict[str, Any]:
    skipped = {"skipped": event.skipped} if event.skipped else {}
    return {"at": event.at, "type": event.type.value} | dict(event.details) | skipped


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _ref_value(ref: TaskRef) -> dict[str, str]:
    return {"agentId": ref.agent_id, "taskId": ref.task_id}


def _usage_value(usage: Usage) -> dict[str, Any]:
    values: dict[str, Any] = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cacheRead": usage.cache_read_tokens,
        "cacheWrite": usage.cache_write_tokens,
        "turns": usage.turns,
    }
    if usage.web_searches:
        values["webSearches"] = usage.web_searches
    return values if usage.cost_usd is None else values | {"costUsd": usage.cost_usd}


def to_item(task: Task) -> dict[str, Any]:
    """A new task's item. What is None is no attribute."""
    values: dict[str, Any] = {
        "projectId": task.project_id,
        "status": task.status.value,
        "createdAt": task.created_at,
        "updatedAt": task.updated_at,
        "until": task.deadline,
        "deadline": earliest_end(task),
        "input": payload_value(task.input),
        "agentRevision": task.agent_revision,
        "model": task.model,
        "maxAttempts": task.max_attempts,
        "correlationId": task.correlation_id,
        "attempt": task.attempt,
        "fence": task.fence,
        "notBefore": task.not_before,
        "turns": task.turns,
        "spent": spent_value(task.spent),
        "listShard": list_partition(task.ref.agent_id, shard(task.ref.task_id) % LIST_SHARDS),
        "events": [event_value(event) for event in task.events],
        "timeoutMs": task.timeout_ms,
        "pausedMs": task.paused_ms,
        "endsBy": task.ends_by,
        "contextId": task.context_id,
        "live": task.live or None,
        "notify": task.notifies or None,
        "spender": task.spender,
        "groups": list(task.groups) or None,
        "boundsTries": task.bounds_tries or None,
    }
    if task.queue_timeout_ms != queue_time.DEFAULT:
        values["queueTimeoutMs"] = task.queue_timeout_ms
    if task.priority is not Priority.NORMAL:
        values["priority"] = task.priority.value
    if task.lane is not Lane.STANDARD:
        values["lane"] = task.lane.value
    if task.budget != Budget():
        values["budget"] = _known({"costUsd": task.budget.cost_usd, "tokens": task.budget.tokens})
    if task.parent is not None:
        values["parent"] = _ref_value(task.parent.ref) | {"callId": task.parent.call_id}
        values["depth"] = task.depth
    if task.counted is not None:
        values["counted"] = counted_value(task.counted)
    if task.counts_as_pending:
        values["pendingAgent"] = values["listShard"]
    if task.due_at is not None:
        values |= {"dueShard": due_shard(task.ref.task_id), "dueAt": task.due_at}
    return key(task.ref) | values


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
        deadline=int(values["until"]),
        input=to_payload(task_id, values["input"]),
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
        due_at=_optional_int(values.get("dueAt")),
        started_at=_optional_int(values.get("startedAt")),
        completed_at=_optional_int(values.get("completedAt")),
        output=to_payload(task_id, values["output"]) if "output" in values else None,
        failure=_failure(values["failure"]) if "failure" in values else None,
        finish_id=values.get("finishId"),
        timeout_ms=_optional_int(values.get("timeoutMs")),
        queue_timeout_ms=int(values.get("queueTimeoutMs", queue_time.DEFAULT)),
        queue_left_ms=_optional_int(values.get("queueLeftMs")),
        ends_by=_optional_int(values.get("endsBy")),
        priority=Priority(values.get("priority", Priority.NORMAL)),
        lane=Lane(values.get("lane", Lane.STANDARD)),
        context_id=values.get("contextId"),
        budget=_budget(values.get("budget", {})),
        parent=_parent(values["parent"]) if "parent" in values else None,
        depth=int(values.get("depth", 0)),
        turns=int(values.get("turns", 0)),
        spent=_spent(values),
        counted=to_counted(values["counted"]) if "counted" in values else None,
        progress=to_progress(values.get("progress", {})),
        question=_question(values["question"]) if "question" in values else None,
        paused_ms=_optional_int(values.get("pausedMs")),
        awaits=tuple(_ref(value) for value in values.get("awaits", ())),
        artifacts=tuple(_artifact(value) for value in values.get("artifacts", ())),
        answered=tuple(values.get("answered", ())),
        live=bool(values.get("live", False)),
        notifies=values.get("notify", False),
        spender=values.get("spender"),
        groups=tuple(values.get("groups", ())),
        counts_as_pending="pendingAgent" in values,
        slot=_slot(values["slot"]) if "slot" in values else None,
        overloads=int(values.get("overloads", 0)),
        undelivered=_undelivered(values["undelivered"]) if "undelivered" in values else None,
        cut_off=values.get("cutOff", False),
        throttled_calls=int(values.get("turnedAway", 0)),
        bounds_tries=bool(values.get("boundsTries", False)),
        events=tuple(_event(value) for value in values["events"]),
    )


def with_outputs(ref: TaskRef) -> dict[str, Any]:
    """The range of a task's record and its outputs, which sort right before it."""
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
            output = replace(task.output, inline=to_text(item).decode())
            return replace(task, output=output)
    return task


def to_outline(values: Mapping[str, Any]) -> Outline | None:
    """What an entry of the index ``list`` says of an ended task; None where it has not ended."""
    if "endedAs" not in values:
        return None
    status, _, code = values["endedAs"].partition("#")
    return Outline(
        ref=ref_of(values),
        project_id=values["projectId"],
        status=Status(status),
        updated_at=int(values["completedAt"]),
        deadline=int(values["deadline"]),
        context_id=values.get("contextId"),
        failure=FailureCode(code) if code else None,
    )


def _spent(values: Mapping[str, Any]) -> tuple[Spent, ...]:
    return tuple(
        Spent(
            int(entry["attempt"]),
            entry["model"],
            _usage(entry),
            entry.get("taskId"),
            entry.get("reserved", False),
        )
        for entry in values["spent"]
    )


def to_counted(value: Mapping[str, Decimal]) -> Usage:
    return Usage(input_tokens=int(value["tokens"]), cost_usd=value["costUsd"])


def _ref(value: Mapping[str, str]) -> TaskRef:
    return TaskRef(value["agentId"], value["taskId"])


def _parent(value: Mapping[str, str]) -> Parent:
    return Parent(_ref(value), value["callId"])


def _budget(value: Mapping[str, Decimal]) -> Budget:
    return Budget(value.get("costUsd"), _optional_int(value.get("tokens")))


def to_progress(value: Mapping[str, Any]) -> Progress:
    return Progress(value.get("tool"), value.get("step"), _optional_int(value.get("percent")))


def _question(value: Mapping[str, Any]) -> Question:
    return Question(value["callId"], value["text"], tuple(value.get("options", ())))


def _undelivered(value: Mapping[str, Decimal]) -> Undelivered:
    return Undelivered(int(value["times"]), int(value["resentAt"]))


def _artifact(value: Mapping[str, Any]) -> Artifact:
    return Artifact(
        artifact_id=value["artifactId"],
        name=value["name"],
        media_type=value["mediaType"],
        size_bytes=_optional_int(value.get("sizeBytes")),
        key=value.get("key"),
        url=value.get("url"),
        form=ArtifactForm(value["form"]),
    )


def _event(value: Mapping[str, Any]) -> Event:
    parts = {name: int(part) if isinstance(part, Decimal) else part for name, part in value.items()}
    at, kind, skipped = int(parts.pop("at")), str(parts.pop("type")), int(parts.pop("skipped", 0))
    return Event(at, EventType(kind), parts, skipped)


def _slot(value: Mapping[str, Decimal]) -> Slot:
    return Slot(int(value["number"]), int(value["fence"]), int(value["at"]))


def _optional_int(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


def to_payload(task_id: str, value: Mapping[str, Any]) -> Payload:
    """A text of its own is known by the digest that its name ends with."""
    if "item" in value:
        name = str(value["item"])
        return Payload(key=item_key(task_id, name), sha256=name.rpartition("#")[2])
    if "key" in value:
        return Payload(key=value["key"], sha256=value["sha256"])
    return Payload(inline=to_text(value).decode())


def _failure(value: Mapping[str, str]) -> Failure:
    return Failure(FailureCode(value["code"]), value["message"])


def _usage(value: Mapping[str, Decimal]) -> Usage:
    return Usage(
        int(value["input"]),
        int(value["output"]),
        int(value["cacheRead"]),
        int(value["cacheWrite"]),
        int(value["turns"]),
        value.get("costUsd"),
        int(value.get("webSearches", 0)),
    )
