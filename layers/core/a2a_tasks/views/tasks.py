"""Tasks and their artifacts, as the REST API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Lane, Priority, Status, Task, iso8601
from a2a_tasks.ports.tasks import TaskPage
from a2a_tasks.tasks.results import LinkedArtifact
from a2a_tasks.views.usage import spent_view


def task_view(
    task: Task, output: Mapping[str, Any] | None = None, artifacts: Sequence[LinkedArtifact] = ()
) -> dict[str, Any]:
    """A task, with its output document and its artifacts if they are given."""
    has_begun = task.started_at is not None
    is_delayed = task.not_before > task.created_at and not has_begun
    view: dict[str, Any] = {
        "taskId": task.ref.task_id,
        "agentId": task.ref.agent_id,
        "status": task.status.value,
        "createdAt": iso8601(task.created_at),
        "updatedAt": iso8601(task.updated_at),
        "attempts": task.attempt,
        "startedAt": _time(task.started_at),
        "completedAt": _time(task.completed_at),
        "notBefore": _time(task.not_before if is_delayed else None),
        "priority": None if task.priority is Priority.NORMAL else task.priority.value,
        "lane": None if task.lane is Lane.STANDARD else task.lane.value,
        "sessionId": task.context_id,
        "retryOf": task.retry_of,
        "progress": _progress(task) if has_begun and not task.is_terminal else None,
        **_question(task),
        "output": dict(output or {}) | artifacts_view(artifacts) if output is not None or artifacts else None,
        "errorDetails": _error(task.failure),
        "usage": spent_view(task.known_spent) if task.usage.has_tokens else None,
    }
    return {name: value for name, value in view.items() if value is not None}


def tasks_view(page: TaskPage) -> dict[str, Any]:
    """``{"tasks", "nextCursor"?}``, without outputs."""
    tasks = [task_view(task) for task in page.tasks]
    return {"tasks": tasks} | ({"nextCursor": page.cursor} if page.cursor else {})


def artifacts_view(artifacts: Sequence[LinkedArtifact]) -> dict[str, Any]:
    """``{"artifacts": [{"artifactId", "name", "mediaType", "sizeBytes"?, "url", "external"?}]}``, or nothing
    if there are none."""
    return {"artifacts": [_artifact(linked) for linked in artifacts]} if artifacts else {}


def _artifact(linked: LinkedArtifact) -> dict[str, Any]:
    artifact = linked.artifact
    view: dict[str, Any] = {
        "artifactId": artifact.artifact_id,
        "name": artifact.name,
        "mediaType": artifact.media_type,
    }
    if artifact.size_bytes is not None:
        view["sizeBytes"] = artifact.size_bytes
    return view | {"url": linked.url} | ({"external": True} if linked.is_external else {})


def _time(ms: int | None) -> str | None:
    return None if ms is None else iso8601(ms)


def _question(task: Task) -> dict[str, Any]:
    if task.question is None or task.status is not Status.INPUT_REQUIRED:
        return {}
    return {"question": task.question.text, "options": list(task.question.options) or None}


def _error(failure: Failure | None) -> dict[str, Any] | None:
    return None if failure is None else {"message": failure.message, "code": failure.code.value}


def _progress(task: Task) -> dict[str, Any]:
    known = {
        "turn": task.turns + 1,
        "tool": task.progress.tool,
        "step": task.progress.step,
        "percent": task.progress.percent,
    }
    return {name: value for name, value in known.items() if value is not None}
