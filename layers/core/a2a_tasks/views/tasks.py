"""Tasks and their artifacts, as the REST API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from a2a_tasks.domain.task import Lane, Priority, Status, Task, iso8601
from a2a_tasks.ports.tasks import Page
from a2a_tasks.tasks.results import LinkedArtifact
from a2a_tasks.views.usage import spent_view


def task_view(
    task: Task, output: Mapping[str, Any] | None = None, artifacts: Sequence[LinkedArtifact] = ()
) -> dict[str, Any]:
    """A task, with its output document and its artifacts if they are given."""
    view: dict[str, Any] = {
        "taskId": task.ref.task_id,
        "agentId": task.ref.agent_id,
        "status": task.status.value,
        "createdAt": iso8601(task.created_at),
        "updatedAt": iso8601(task.updated_at),
        "attempts": task.attempt,
    }
    if task.started_at is not None:
        view["startedAt"] = iso8601(task.started_at)
    if task.completed_at is not None:
        view["completedAt"] = iso8601(task.completed_at)
    if task.not_before > task.created_at and task.started_at is None:
        view["notBefore"] = iso8601(task.not_before)
    if task.priority is not Priority.NORMAL:
        view["priority"] = task.priority.value
    if task.lane is not Lane.STANDARD:
        view["lane"] = task.lane.value
    if task.context_id is not None:
        view["sessionId"] = task.context_id
    if task.retry_of is not None:
        view["retryOf"] = task.retry_of
    if task.started_at is not None and not task.is_terminal:
        view["progress"] = _progress(task)
    if task.question is not None and task.status is Status.INPUT_REQUIRED:
        view["question"] = task.question.text
        if task.question.options:
            view["options"] = list(task.question.options)
    if output is not None or artifacts:
        view["output"] = dict(output or {}) | artifacts_view(artifacts)
    if task.failure is not None:
        view["errorDetails"] = {"message": task.failure.message, "code": task.failure.code.value}
    if task.usage.has_tokens:
        view["usage"] = spent_view(task.known_spent)
    return view


def tasks_view(page: Page) -> dict[str, Any]:
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


def _progress(task: Task) -> dict[str, Any]:
    known = {
        "turn": task.turns + 1,
        "tool": task.progress.tool,
        "step": task.progress.step,
        "percent": task.progress.percent,
    }
    return {name: value for name, value in known.items() if value is not None}
