"""Keeping what a task has to show for itself, whole or in part."""

from typing import Any

from a2a_tasks.domain.task import Payload, Task
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.tasks import payload


def save_output(payloads: PayloadStore, task: Task, document: dict[str, Any]) -> Payload:
    """Keep ``{"result", "data"?, "notes"?}`` for a held task. Raises ``PayloadUnavailable``."""
    # named after the fence: a stale holder's late upload cannot replace the winner's
    return payload.save(payloads, task.ref.task_id, f"output-{task.fence}", document)


def save_partial(payloads: PayloadStore, task: Task, text: str) -> Payload | None:
    """Keep what the model has said so far, marked as partial; nothing, if that is nothing."""
    return save_output(payloads, task, {"result": text, "partial": True}) if text else None
