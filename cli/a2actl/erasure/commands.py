"""``a2actl erase``: delete the data of a person, a conversation or a task."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.ids import CONTEXT_ID
from a2a_tasks.domain.task import ContextRef
from a2actl.agents.commands import AgentId, AsJson
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.confirm import Yes, confirm
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json
from a2actl.terminal.progress import progress

if TYPE_CHECKING:
    from a2actl.deployment.task_data import TaskData
    from a2actl.erasure.deletion import Erased
    from a2actl.erasure.subject import Findings

app = typer.Typer(
    no_args_is_help=True, help="Delete the data of a person, a conversation or a task permanently."
)

Agree = Annotated[bool, Yes]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")]


@app.command("task")
def erase_task(
    context: typer.Context,
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks.")],
    dry_run: DryRun = False,
    yes: Agree = False,
    as_json: AsJson = False,
) -> None:
    """Erase tasks in any state, with the tasks that they started."""
    from a2actl.erasure.subject import task_findings

    what = tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"
    _erase(context, what, lambda data: task_findings(data, tasks), dry_run=dry_run, yes=yes, as_json=as_json)


@app.command("conversation")
def erase_conversation(
    context: typer.Context,
    agent: AgentId,
    conversation: Annotated[str, typer.Argument(metavar="CONTEXT", help="The conversation's context id.")],
    dry_run: DryRun = False,
    yes: Agree = False,
    as_json: AsJson = False,
) -> None:
    """Erase a conversation with an agent, with all its tasks."""
    from a2actl.erasure.subject import conversation_findings

    if not CONTEXT_ID.fullmatch(conversation):
        raise Fault(f"CONTEXT takes 1 to 128 letters, digits and any of ._~:@-; not {conversation!r}.")
    ref = ContextRef(agent, conversation)
    _erase(
        context,
        f"the conversation {conversation} with {agent}",
        lambda data: conversation_findings(data, ref),
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )


@app.command("wecom-user")
def erase_person(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's id.")],
    user: Annotated[str, typer.Argument(metavar="USER", help="The person's user id in WeCom.")],
    chats: Annotated[
        list[str] | None,
        typer.Option("--chat", metavar="CHAT", help="A group in which they asked; repeatable."),
    ] = None,
    dry_run: DryRun = False,
    yes: Agree = False,
    as_json: AsJson = False,
) -> None:
    """Erase a WeCom user's tasks, chat state and counters on a connection."""
    from a2actl.erasure.subject import person_findings

    def look(data: "TaskData") -> "Findings":
        found = data.deployment.connections.connection(connection)
        if found is None:
            raise Fault(f"There is no connection {connection!r}; `a2actl wecom connections list` lists them.")
        with progress("tasks in groups checked") as advance:
            return person_findings(data, found, user, chats or [], advance)

    _erase(context, f"{user} in connection {connection}", look, dry_run=dry_run, yes=yes, as_json=as_json)


def _erase(
    context: typer.Context,
    whom: str,
    look: "Callable[[TaskData], Findings]",
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from a2actl.deployment.task_data import TaskData
    from a2actl.erasure import view
    from a2actl.erasure.remaining import remaining

    with chosen_stack(context).deployment() as deployment:
        data = TaskData(deployment)
        found = look(data)
        if not as_json:
            note(f"Found for {whom}: {view.summary(found)}.")
        if not dry_run:
            confirm(f"Erase {whom} permanently: {view.summary(found)}?", yes=yes)
        erased = None if dry_run else _carry_out(data, found)
        left = [*found.remains, *remaining(deployment.parameters, SystemClock().now())]
    if as_json:
        show_json(view.to_json(found, erased, left))
        return
    if erased is not None:
        show_fields(view.fields(erased))
    typer.echo("What remains:" if erased else "What would remain:")
    for sentence in left:
        typer.echo(f"- {sentence}")


def _carry_out(data: "TaskData", found: "Findings") -> "Erased":
    from a2actl.erasure.deletion import Erased, Eraser

    erased = Erased()
    eraser = Eraser(data, data.deployment.output("PayloadBucket"), data.deployment.account.s3())
    with progress("tasks erased", len(found.tasks)) as advance:
        for done, ref in enumerate(found.tasks, 1):
            eraser.erase_task(ref, erased)
            advance(done, None)
    # these lead to the tasks, so they go last
    for partition in found.partitions:
        erased.items += eraser.erase_partition(partition)
    for place in found.contexts:
        eraser.forget(place)
    return erased
