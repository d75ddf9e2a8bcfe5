"""Tasks as A2A 1.0 objects: ProtoJSON of ``a2a.proto`` in camelCase, with our own fields only in
``metadata``.

Plain JSON objects rather than the generated types, which turn every number into a float.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.history.event import NumberedEvent
from a2a_tasks.domain.schedule import whole_seconds
from a2a_tasks.domain.task import Question, Status, Task, iso8601
from a2a_tasks.views.usage import usage_view

STATES = {
    Status.PENDING: "TASK_STATE_SUBMITTED",
    Status.RUNNING: "TASK_STATE_WORKING",
    Status.INPUT_REQUIRED: "TASK_STATE_INPUT_REQUIRED",
    Status.COMPLETED: "TASK_STATE_COMPLETED",
    Status.FAILED: "TASK_STATE_FAILED",
    Status.CANCELED: "TASK_STATE_CANCELED",
}
REJECTIONS = frozenset({FailureCode.REJECTED, FailureCode.MODEL_REFUSED})
"""Failures that mean that the agent refused the task rather than tried it."""
RESULT = "result"
"""Id of the artifact that is the answer. Other artifacts are named by their tool calls."""


def task_view(
    task: Task,
    output: Mapping[str, Any] | None,
    artifacts: Sequence[Mapping[str, Any]] = (),
    history: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """A ``Task``. ``output`` is its output document, ``artifacts`` are from ``saved.saved_views``,
    ``history`` has ``Message`` objects. None leaves a field out."""
    view: dict[str, Any] = {"id": task.ref.task_id}
    if task.context_id is not None:
        view["contextId"] = task.context_id
    view["status"] = status_view(task)
    if shown := artifacts_view(output, artifacts):
        view["artifacts"] = shown
    if history is not None:
        view["history"] = list(history)
    return view | {"metadata": _metadata(task)}


def status_update(task: Task) -> dict[str, Any]:
    """A ``TaskStatusUpdateEvent`` with the current status, without results."""
    return update_of(task) | {"status": status_view(task)}


def update_of(task: Task) -> dict[str, Any]:
    """Common fields of all updates. A context is required; a task without one is its own."""
    return {"taskId": task.ref.task_id, "contextId": task.context_id or task.ref.task_id}


def status_event(task: Task, event: NumberedEvent) -> dict[str, Any]:
    """A ``TaskStatusUpdateEvent`` for an event of the task. Events that change no state are shown as WORKING,
    with details in ``metadata``."""
    update, details = status_update(task), event.details
    if details.get("status") == task.status:
        status = update["status"]
    elif "status" in details:
        status = {"state": STATES[Status(details["status"])]}
    else:
        status = {"state": STATES[Status.RUNNING]}
        if "step" in details:
            message_id = f"{task.ref.task_id}-event-{event.number}"
            status["message"] = message(task, "ROLE_AGENT", message_id, [{"text": details["step"]}])
    named = {"type": event.type.value} | dict(details)
    return update | {"status": status | {"timestamp": iso8601(event.at)}, "metadata": {"event": named}}


def progress_event(task: Task, number: int, text: str) -> dict[str, Any]:
    """A ``TaskStatusUpdateEvent`` with the model's ``number``-th progress update. The same number again
    extends it."""
    said = message(task, "ROLE_AGENT", f"{task.ref.task_id}-progress-{number}", [{"text": text}])
    status = {"state": STATES[Status.RUNNING], "message": said, "timestamp": iso8601(task.updated_at)}
    return update_of(task) | {"status": status, "metadata": {"event": {"type": "thinking"}}}


def idle_event(task: Task, idle_ms: int) -> dict[str, Any]:
    """A ``TaskStatusUpdateEvent`` before a stream ends early, because nothing will happen for ``idle_ms``."""
    return status_update(task) | {"metadata": {"retryAfterSeconds": whole_seconds(idle_ms)}}


def state_of(status: Status, failure: FailureCode | None) -> str:
    """The ``TaskState`` of a status, and of the failure code if it failed."""
    return "TASK_STATE_REJECTED" if failure in REJECTIONS else STATES[status]


def status_view(task: Task) -> dict[str, Any]:
    """A ``TaskStatus``. Its message is the agent's question, the reason of a failure, or the current step."""
    failure = task.failure.code if task.failure else None
    status: dict[str, Any] = {"state": state_of(task.status, failure)}
    if task.status is Status.INPUT_REQUIRED and task.question is not None:
        status["message"] = question_view(task, task.question)
    elif text := _status_text(task):
        message_id = f"{task.ref.task_id}-{task.status}"
        status["message"] = message(task, "ROLE_AGENT", message_id, [{"text": text}])
    return status | {"timestamp": iso8601(task.updated_at)}


def question_view(task: Task, question: Question) -> dict[str, Any]:
    """The ``Message`` with the question, the same in the status and in the history."""
    return message(
        task, "ROLE_AGENT", f"{task.ref.task_id}-{question.call_id}", [{"text": question.with_options}]
    )


def message(task: Task, role: str, message_id: str, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A ``Message`` of the task."""
    context = {} if task.context_id is None else {"contextId": task.context_id}
    return (
        {"messageId": message_id} | context | {"taskId": task.ref.task_id, "role": role, "parts": list(parts)}
    )


def artifacts_view(
    output: Mapping[str, Any] | None, artifacts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """``Artifact`` objects: those saved during the task, then the answer."""
    answer = [_result(output)] if output and _has_result(output) else []
    return [dict(saved) for saved in artifacts] + answer


def _has_result(output: Mapping[str, Any]) -> bool:
    return bool(output.get("result")) or "data" in output


def _result(output: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as text, or as data only if the agent has an output schema."""
    part: dict[str, Any] = {"text": output.get("result", ""), "mediaType": "text/plain"}
    if "data" in output:
        part = {"data": output["data"], "mediaType": "application/json"}
    artifact: dict[str, Any] = {"artifactId": RESULT, "name": RESULT, "parts": [part]}
    return artifact | ({"metadata": {"partial": True}} if output.get("partial") else {})


def _status_text(task: Task) -> str | None:
    if task.failure is not None:
        return task.failure.message
    return task.progress.step if task.status is Status.RUNNING else None


def _metadata(task: Task) -> dict[str, Any]:
    """What A2A has no field for."""
    known: dict[str, Any] = {"createdAt": iso8601(task.created_at), "attempts": task.attempt}
    if task.failure is not None:
        known["errorCode"] = task.failure.code.value
    if task.usage.has_tokens:
        known["usage"] = usage_view(task.usage)
    return known


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """JSON as sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
