"""The task as callers of the REST API see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from a2a_tasks.domain.task import Lane, Priority, Status, Task, iso8601
from a2a_tasks.domain.usage import Spent, by_attempt, by_model, total


def to_wire(
    task: Task, output: Mapping[str, Any] | None, artifacts: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The task as a JSON object in camelCase.

    Args:
        task: The task.
        output: Its output payload, already read.
        artifacts: Its artifacts with download addresses.
    """
    wire: dict[str, Any] = {
        "taskId": task.ref.task_id,
        "agentId": task.ref.agent_id,
        "status": task.status.value,
        "createdAt": iso8601(task.created_at),
        "updatedAt": iso8601(task.updated_at),
        "attempts": task.attempt,
    }
    if task.started_at is not None:
        wire["startedAt"] = iso8601(task.started_at)
    if task.completed_at is not None:
        wire["completedAt"] = iso8601(task.completed_at)
    if task.not_before > task.created_at and task.started_at is None:
        wire["notBefore"] = iso8601(task.not_before)
    if task.priority is not Priority.NORMAL:
        wire["priority"] = task.priority.value
    if task.lane is not Lane.STANDARD:
        wire["lane"] = task.lane.value
    if task.context_id is not None:
        wire["sessionId"] = task.context_id
    if task.started_at is not None and not task.is_terminal:
        wire["progress"] = _progress(task)
    if task.question is not None and task.status is Status.INPUT_REQUIRED:
        wire["question"] = task.question.text
    if output is not None or artifacts:
        wire["output"] = dict(output or {}) | ({"artifacts": list(artifacts)} if artifacts else {})
    if task.failure is not None:
        wire["errorDetails"] = {"message": task.failure.message, "code": task.failure.code.value}
    if task.usage.has_tokens:
        wire["usage"] = _usage(task.known_spent)
    return wire


def _progress(task: Task) -> dict[str, Any]:
    known = {
        "turn": task.turns + 1,
        "tool": task.progress.tool,
        "step": task.progress.step,
        "percent": task.progress.percent,
    }
    return {name: value for name, value in known.items() if value is not None}


def _usage(spent: tuple[Spent, ...]) -> dict[str, Any]:
    """The sum, and the same by model and by attempt."""
    return total(spent).to_wire() | {
        "byModel": [{"model": model} | usage.to_wire() for model, usage in by_model(spent).items()],
        "byAttempt": [{"attempt": number} | usage.to_wire() for number, usage in by_attempt(spent).items()],
    }
