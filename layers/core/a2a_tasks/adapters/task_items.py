"""Tasks as DynamoDB items, both ways. docs/data-model.md lists the attributes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from a2a_tasks.adapters.attributes import from_attributes, to_attributes
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.ids import shard
from a2a_tasks.domain.task import Payload, Status, Task, TaskRef
from a2a_tasks.domain.usage import Usage

TASK_PREFIX = "TASK#"


def key(ref: TaskRef) -> dict[str, Any]:
    """A task's primary key: one partition an agent, so that its tasks list by time without an index."""
    return to_attributes({"pk": f"AGENT#{ref.agent_id}", "sk": f"{TASK_PREFIX}{ref.task_id}"})


def owned_partition(task_id: str) -> str:
    """The partition of everything that a task owns."""
    return f"TASK#{task_id}"


def ref_of(keys: Mapping[str, Any]) -> TaskRef:
    return TaskRef(keys["pk"]["S"].removeprefix("AGENT#"), keys["sk"]["S"].removeprefix(TASK_PREFIX))


def due_shard(task_id: str) -> str:
    return f"due#{shard(task_id)}"


def retention_shard(task_id: str) -> str:
    return f"retention#{shard(task_id)}"


def payload_value(payload: Payload) -> dict[str, str]:
    if payload.key is None:
        return {"inline": payload.inline or ""}
    return {"key": payload.key, "sha256": payload.sha256 or ""}


def failure_value(failure: Failure) -> dict[str, str]:
    return {"code": failure.code.value, "message": failure.message}


def usage_value(usage: Usage) -> dict[str, Any]:
    values: dict[str, Any] = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cacheRead": usage.cache_read_tokens,
        "cacheWrite": usage.cache_write_tokens,
        "turns": usage.turns,
    }
    return values if usage.cost_usd is None else values | {"costUsd": usage.cost_usd}


def to_item(task: Task) -> dict[str, Any]:
    """A new task's item."""
    values: dict[str, Any] = {
        "projectId": task.project_id,
        "status": task.status.value,
        "createdAt": task.created_at,
        "updatedAt": task.updated_at,
        "deadline": task.deadline,
        "input": payload_value(task.input),
        "agentRevision": task.agent_revision,
        "model": task.model,
        "maxAttempts": task.max_attempts,
        "correlationId": task.correlation_id,
        "attempt": task.attempt,
        "fence": task.fence,
        "notBefore": task.not_before,
        "usage": usage_value(task.usage),
    }
    if task.due_at is not None:
        values |= {"dueShard": due_shard(task.ref.task_id), "dueAt": task.due_at}
    return key(task.ref) | to_attributes(values)


def from_item(item: Mapping[str, Any]) -> Task:
    """A stored task. Items of every released version must stay readable here."""
    values = from_attributes(item)
    return Task(
        ref=ref_of(item),
        project_id=values["projectId"],
        status=Status(values["status"]),
        created_at=int(values["createdAt"]),
        updated_at=int(values["updatedAt"]),
        deadline=int(values["deadline"]),
        input=_payload(values["input"]),
        agent_revision=int(values["agentRevision"]),
        model=values["model"],
        max_attempts=int(values["maxAttempts"]),
        correlation_id=values["correlationId"],
        attempt=int(values["attempt"]),
        fence=int(values["fence"]),
        claim_id=values.get("claimId"),
        lease_until=_optional_int(values.get("leaseUntil")),
        not_before=int(values["notBefore"]),
        due_at=_optional_int(values.get("dueAt")),
        started_at=_optional_int(values.get("startedAt")),
        completed_at=_optional_int(values.get("completedAt")),
        output=_payload(values["output"]) if "output" in values else None,
        failure=_failure(values["failure"]) if "failure" in values else None,
        usage=_usage(values["usage"]),
        finish_id=values.get("finishId"),
    )


def _optional_int(value: Decimal | None) -> int | None:
    return None if value is None else int(value)


def _payload(value: Mapping[str, str]) -> Payload:
    return Payload(inline=value.get("inline"), key=value.get("key"), sha256=value.get("sha256"))


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
    )
