"""Responses to messages whose answer was waited for."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from a2a_tasks.domain.errors import FAILURE_STATUS, ErrorCode
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.views.tasks import artifacts_view


def path_of(task: Task) -> str:
    """The task's path below the API's base URL."""
    return f"/a2a/{task.ref.agent_id}/tasks/{task.ref.task_id}"


def answer_of(tasks: Tasks, task: Task) -> Response[Any]:
    """The answer, the question or the failure; 202 if the task is still running."""
    match task.status:
        case Status.COMPLETED:
            output = tasks.results.output(task) or {}
            answer = _answer(task, output.get("result", ""))
            answer |= {"data": output["data"]} if "data" in output else {}
            return _response(200, answer | artifacts_view(tasks.results.artifacts(task)))
        case Status.INPUT_REQUIRED:
            return _response(200, _answer(task, task.question.with_options if task.question else ""))
        case Status.FAILED:
            return _failure(task)
        case Status.CANCELED:
            code = ErrorCode.TASK_CANCELED
            return _response(code.http_status, _error(task, "The task was canceled.", code))
        case _:
            # relative to the request (RFC 9110 §10.2.2), as where a task is created
            return _response(202, pending_answer(task), {"Location": f"tasks/{task.ref.task_id}"})


def pending_answer(task: Task) -> dict[str, Any]:
    """Where to poll for a task that is still running."""
    return {
        "taskId": task.ref.task_id,
        "status": task.status.value,
        "checkUrl": path_of(task),
        "sessionId": task.context_id,
    }


def _answer(task: Task, text: str) -> dict[str, Any]:
    since = task.created_at if task.started_at is None else task.started_at
    return {
        "response": text,
        "sessionId": task.context_id,
        "taskId": task.ref.task_id,
        "status": task.status.value,
        "metadata": {
            "processingTimeMs": (task.completed_at or task.updated_at) - since,
            "tokensUsed": task.usage.tokens,
        },
    }


def _failure(task: Task) -> Response[Any]:
    # cannot happen, because every failed task has a reason; if it did, the error would name the task
    if task.failure is None:
        raise ValueError(f"{task.ref} failed without a reason")
    status = FAILURE_STATUS.get(task.failure.code, HTTPStatus.BAD_GATEWAY)
    return _response(status, _error(task, task.failure.message, task.failure.code))


def _error(task: Task, text: str, code: str) -> dict[str, Any]:
    return {"error": text, "code": str(code), "taskId": task.ref.task_id}


def _response(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response[Any]:
    return Response(
        status_code=int(status), content_type="application/json", headers=dict(headers or {}), body=body
    )
