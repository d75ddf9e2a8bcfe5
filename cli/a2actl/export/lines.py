"""A task as a line of an export."""

from typing import Any

from a2a_tasks.adapters.payloads.task_payloads import TaskPayloads
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.results import Results
from a2a_tasks.views.tasks import task_view

GONE = "gone"


def exported(task: Task, payloads: TaskPayloads, *, texts: bool) -> dict[str, Any]:
    """The task as the API shows it, with ``projectId``, and with ``texts`` also ``input`` and ``output``.

    A text that clean-up has begun with is ``"gone"``. Links to artifacts are left out, since they end within
    an hour: an artifact has its ``name``, ``mediaType`` and ``sizeBytes``. Raises ``PayloadUnavailable``.
    """
    shown = task_view(task) | {"projectId": task.project_id}
    if task.artifacts:
        shown["artifacts"] = [
            {"name": each.name, "mediaType": each.media_type, "sizeBytes": each.size_bytes}
            for each in task.artifacts
        ]
    if not texts:
        return shown
    try:
        shown["input"] = payload.load(payloads, task.input)
        output = Results(payloads, payloads).output(task)
    except PayloadCorrupt:
        return shown | {"input": shown.get("input", GONE), "output": GONE}
    return shown if output is None else shown | {"output": output}
