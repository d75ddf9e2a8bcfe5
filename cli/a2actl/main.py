"""``a2actl``: the operator's command."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from a2actl.agents.commands import app as agents
from a2actl.dead_letters.commands import app as dead_letters
from a2actl.deployment.prices import app as prices
from a2actl.deployment.stack import Stack
from a2actl.doctor.commands import app as doctor
from a2actl.erasure.commands import app as erase
from a2actl.export.commands import app as export
from a2actl.projects.commands import app as projects
from a2actl.projects.keys import app as keys
from a2actl.projects.mcp import app as mcp
from a2actl.queue.commands import app as queue
from a2actl.tasks.commands import app as tasks
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note
from a2actl.top.commands import app as top
from a2actl.usage.commands import app as usage
from a2actl.webhooks.commands import app as webhooks
from a2actl.wecom.commands import app as wecom

FAULT = 2
"""Exit code of a command that failed. A task that failed or was canceled is 1."""


class Commands(TyperGroup):
    """All commands; a ``Fault`` in any of them is a sentence, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Fault as fault:
            note(str(fault))
            raise typer.Exit(FAULT) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_show_locals=False)
app.add_typer(agents, name="agents")
app.add_typer(dead_letters, name="dlq")
app.add_typer(doctor)
app.add_typer(erase, name="erase")
app.add_typer(export)
app.add_typer(keys, name="keys")
app.add_typer(mcp, name="mcp")
app.add_typer(prices)
app.add_typer(projects, name="projects")
app.add_typer(queue, name="queue")
app.add_typer(tasks, name="tasks")
app.add_typer(top)
app.add_typer(usage)
app.add_typer(webhooks, name="webhooks")
app.add_typer(wecom, name="wecom")


@app.callback()
def choose_stack(
    context: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option(envvar="A2ACTL_STACK", help="Name of a deployed stack; by default the local stack."),
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region of the deployed stack.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile of the credentials.")] = None,
) -> None:
    """Operate a2a-tasks: projects, agents, API keys and tasks of a deployed stack or the local one."""
    context.obj = partial(Stack.choose, stack, region, profile, Path.cwd())
