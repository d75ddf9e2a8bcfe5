"""``a2actl tasks follow``: a task's events as they happen."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from a2a_tasks.domain.history.event import EventType, NumberedEvent
from a2a_tasks.domain.history.events import events_after, last_number
from a2a_tasks.domain.task import Status, Task, TaskRef, iso8601
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.views.events import event_view
from a2a_tasks.views.tasks import task_view
from a2actl.agents.commands import AsJson
from a2actl.deployment.stack import chosen_stack
from a2actl.tasks import view
from a2actl.tasks.options import INTERRUPTED, NOT_COMPLETED, TaskId
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, one_line, show_json_line

if TYPE_CHECKING:
    from a2actl.deployment.task_data import TaskData

app = typer.Typer()

EVENTS_AT_ONCE = 1_000


@app.command("follow")
def follow(context: typer.Context, task: TaskId, as_json: AsJson = False) -> None:
    """Show a task's events until it ends, and its result. Exits with 1 if it was not completed."""
    from a2actl.deployment.task_data import TaskData
    from a2actl.tasks.waiting import Waiting

    with chosen_stack(context).deployment() as deployment:
        data = TaskData(deployment)
        following = Following(data, data.find(task), as_json=as_json)
        try:
            Waiting().for_end(following.look, lambda _state, _elapsed: None)
        except KeyboardInterrupt:
            note(f"The task continues; follow it again with: a2actl tasks follow {task}")
            raise typer.Exit(INTERRUPTED) from None
        ended = following.result()
    if as_json:
        show_json_line({"task": ended})
    else:
        view.show_end(ended)
    if ended["status"] != Status.COMPLETED:
        raise typer.Exit(NOT_COMPLETED)


@dataclass
class Following:
    """Shows each event of a task once. ``as_json`` lines instead of words."""

    data: "TaskData"
    ref: TaskRef
    as_json: bool
    _seen: int = 0
    _newest: list[Task] = field(default_factory=list)

    def look(self) -> dict[str, Any]:
        """The task as it is now; what is new of it is shown. Raises ``Unreachable`` where the table does not
        answer, and ``Fault`` if the task no longer exists."""
        from a2actl.tasks.api import Unreachable

        try:
            task = self.data.services.store.get(self.ref)
        except StoreUnavailable as error:
            raise Unreachable(f"The tasks table does not respond: {error}") from error
        if task is None:
            raise Fault(f"The task {self.ref.task_id} no longer exists: it was deleted.")
        self._newest = [task]
        found = events_after(task, min(self._seen, last_number(task.events)), EVENTS_AT_ONCE)
        self._seen = found.last
        for event in found.events:
            if self.as_json:
                show_json_line(event_view(event))
            else:
                typer.echo(one_line(line(event)))
        return task_view(task)

    def result(self) -> dict[str, Any]:
        """The task as it was seen last, with its output. Raises ``Fault`` if that cannot be read."""
        from a2a_tasks.tasks.results import Results

        (task,) = self._newest
        results = Results(self.data.payloads, self.data.payloads)
        try:
            return task_view(task, results.output(task), results.artifacts(task))
        except PayloadUnavailable as error:
            raise Fault(f"The task is {task.status}, and its result cannot be read: {error}") from error


def line(event: NumberedEvent) -> str:
    """Such as ``2026-11-28T09:00:00.000Z turn 2: WebSearch, Read``."""
    return f"{iso8601(event.at)} {words(event)}"


def words(event: NumberedEvent) -> str:
    """An event without its time."""
    details = event.details
    match event.type:
        case EventType.STATUS:
            known = (details.get(name) for name in ("reason", "code", "model"))
            more = [f"attempt {details['attempt']}"] if "attempt" in details else []
            told = ", ".join([*more, *(str(value) for value in known if value)])
            return f"{details['status']}" + (f" ({told})" if told else "")
        case EventType.TURN:
            tools = ", ".join(details.get("tools", ()))
            return f"turn {details['turn']}" + (f": {tools}" if tools else "")
        case EventType.TOOL:
            return f"tool {details['tool']}"
        case EventType.ARTIFACT:
            return f"artifact {details.get('name', details['artifactId'])}"
        case EventType.PROGRESS:
            percent = f"{details['percent']} %" if "percent" in details else ""
            return " ".join(part for part in ("progress", percent, details.get("step", "")) if part)
