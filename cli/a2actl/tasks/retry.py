"""``a2actl tasks retry``: submit an ended task again, as a new one."""

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
        typer.Option(metavar="AGENT", help="Its agent; by default found with your AWS credentials."),
    ] = None,
    as_json: AsJson = False,
    key: Key = None,
) -> None:
    """Submit a failed or canceled task again and print the new task's id.

    Repeating the command while the new task lives creates no other one.
    """
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
            raise Fault(
                f"{error} The task may have been created; the same command again creates no second one."
            ) from error
    if as_json:
        show_json(accepted)
        return
    typer.echo(accepted["taskId"])
    note(f"Follow it with: a2actl tasks follow {accepted['taskId']}")
