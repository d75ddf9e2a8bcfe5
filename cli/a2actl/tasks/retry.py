"""``a2actl tasks retry``: an ended task once more, as a new one."""

from typing import Annotated

import typer

from a2actl.agents.commands import AsJson
from a2actl.deployment.stack import chosen_stack
from a2actl.tasks.connection import connected_api
from a2actl.tasks.options import Key, TaskId
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_json

app = typer.Typer()


@app.command("retry")
def retry(
    context: typer.Context,
    task: TaskId,
    agent: Annotated[
        str | None,
        typer.Option(metavar="AGENT", help="Its agent; looked up with your AWS credentials if left out."),
    ] = None,
    as_json: AsJson = False,
    key: Key = None,
) -> None:
    """Hand a failed or canceled task over again and print the new one's id; while it lives there is one."""
    from a2actl.deployment.task_data import TaskData
    from a2actl.tasks.api import NotTaken, Unreachable

    stack = chosen_stack(context)
    stack.api_key(key)  # before anything is looked up
    if agent is None:
        with stack.deployment() as deployment:
            agent = TaskData(deployment).find(task).agent_id
    with connected_api(stack, key) as api:
        try:
            accepted = api.retry(agent, task)
        except NotTaken:
            raise
        except Unreachable as error:
            raise Fault(f"{error} It may have been taken; the same command again makes no second.") from error
    if as_json:
        show_json(accepted)
        return
    typer.echo(accepted["taskId"])
    note(f"Follow it with: a2actl tasks follow {accepted['taskId']}")
