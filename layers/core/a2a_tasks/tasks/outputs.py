"""Storing outputs of tasks, complete or partial."""

from typing import Any

from a2a_tasks.domain.task import Payload, Task
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.tasks import payload


def save_output(payloads: PayloadStore, task: Task, document: dict[str, Any]) -> Payload:
    """Store ``{"result", "data"?, "notes"?}`` for a held task. Raises ``PayloadUnavailable``."""
    # the fence is part of the name, so a late upload of a stale worker cannot replace the current worker's
    return payload.save(payloads, task.ref.task_id, f"output-{task.fence}", document)


def save_partial(payloads: PayloadStore, task: Task, text: str) -> Payload | None:
    """Store text as a partial output. None if there is no text. Raises ``PayloadUnavailable``."""
    return save_output(payloads, task, {"result": text, "partial": True}) if text else None
