"""A task's course, as the REST API shows it."""

from typing import Any

from a2a_tasks.domain.history.timeline import TimelineSpan
from a2a_tasks.domain.task import Task, iso8601
from a2a_tasks.tasks.timeline import Timeline
from a2a_tasks.views.usage import usage_view


def timeline_view(timeline: Timeline) -> dict[str, Any]:
    """``{"taskId", "agentId", "status", "createdAt", "endedAt"?, "steps", "truncated"?, "children",
    "usage"}``."""
    view = _task(timeline.task) | {"usage": usage_view(timeline.task.usage)}
    view |= {"steps": [_step(span) for span in timeline.spans]}
    view |= {"children": [_task(child) | {"usage": usage_view(child.usage)} for child in timeline.children]}
    return view | ({"truncated": True} if timeline.is_cut else {})


def _task(task: Task) -> dict[str, Any]:
    view = {
        "taskId": task.ref.task_id,
        "agentId": task.ref.agent_id,
        "status": task.status.value,
        "createdAt": iso8601(task.created_at),
    }
    return view | ({} if task.completed_at is None else {"endedAt": iso8601(task.completed_at)})


def _step(span: TimelineSpan) -> dict[str, Any]:
    known = {
        "kind": span.kind.value,
        "name": span.name,
        "startedAt": iso8601(span.started_at),
        "endedAt": None if span.ended_at is None else iso8601(span.ended_at),
        "attempt": span.attempt,
        "turn": span.turn,
        "model": span.model,
        "usage": None if span.usage is None else usage_view(span.usage),
        "outcome": span.outcome,
        "error": None if span.code is None else {"code": span.code},
        "taskId": None if span.ref is None else span.ref.task_id,
        "agentId": None if span.ref is None else span.ref.agent_id,
    }
    return {name: value for name, value in known.items() if value is not None}
