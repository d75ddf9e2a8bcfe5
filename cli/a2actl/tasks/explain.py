"""``a2actl tasks explain``: why a task is in its state, what happens next, and its history."""

from typing import TYPE_CHECKING, Any

import typer

from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.views.tasks import task_view
from a2actl.agents.commands import AsJson
from a2actl.deployment.stack import chosen_stack
from a2actl.tasks import view
from a2actl.tasks.options import TaskId
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json, show_table

if TYPE_CHECKING:
    from a2a_tasks.domain.task import Task
    from a2a_tasks.domain.webhooks.delivery import DeliveryNote
    from a2a_tasks.tasks.timeline import Timeline
    from a2actl.deployment.task_data import TaskData

app = typer.Typer()


@app.command("explain")
def explain_task(context: typer.Context, task: TaskId, as_json: AsJson = False) -> None:
    """Explain why a task is in its state and what happens next, and show its history."""
    from a2actl.deployment.task_data import TaskData

    with chosen_stack(context).deployment() as deployment:
        data = TaskData(deployment)
        found = _read(data, task)
        sentences = _sentences(data, found)
        timeline = deployment.reports.timelines.of(found)
        deliveries = deployment.reports.deliveries.of(found)
    if as_json:
        show_json(_to_json(sentences, timeline, deliveries))
    else:
        _show(sentences, timeline, deliveries)


def _read(data: "TaskData", task_id: str) -> "Task":
    found = data.services.store.get(data.find(task_id))
    if found is None:
        raise Fault(f"The task {task_id} is past its retention and can no longer be read.")
    return found


def _sentences(data: "TaskData", task: "Task") -> str:
    from a2actl.tasks.explanation import explain
    from a2actl.tasks.surroundings import surroundings

    try:
        return explain(task, surroundings(data.services, task))
    except QueueUnavailable as error:
        raise Fault(f"The task's queue does not respond: {error}") from error


def _to_json(sentences: str, timeline: "Timeline", deliveries: "list[DeliveryNote]") -> dict[str, Any]:
    """``{"explanation", "task", "timeline"}``; the last two as the API shows them."""
    from a2a_tasks.views.deliveries import delivery_view
    from a2a_tasks.views.timeline import timeline_view

    told = [delivery_view(note) for note in deliveries]
    return {
        "explanation": sentences,
        "task": task_view(timeline.task),
        "timeline": timeline_view(timeline) | {"deliveries": told},
    }


def _show(sentences: str, timeline: "Timeline", deliveries: "list[DeliveryNote]") -> None:
    from a2actl.tasks import timeline_rows

    typer.echo(f"{sentences}\n")
    show_fields([("Project", timeline.task.project_id), *view.fields(task_view(timeline.task))])
    typer.echo()
    show_table(timeline_rows.COLUMNS, timeline_rows.rows(timeline))
    if timeline.is_cut:
        note("There are more turns and tools than shown.")
    if deliveries:
        typer.echo()
        show_table(timeline_rows.DELIVERY_COLUMNS, timeline_rows.delivery_rows(deliveries))
