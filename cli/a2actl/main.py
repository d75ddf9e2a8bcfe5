"""``a2actl``: the operator's command."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from a2actl import agents, keys, mcp, prices, projects, tasks, webhooks, wecom
from a2actl.fault import Fault
from a2actl.output import note
from a2actl.stack import Stack

FAULT = 2
"""Exit code of a command that could not do what was asked. A task that failed or was canceled is 1."""


class Commands(TyperGroup):
    """All commands; a ``Fault`` in any of them is a sentence, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Fault as fault:
            note(str(fault))
            raise typer.Exit(FAULT) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_show_locals=False)
app.add_typer(agents.app, name="agents")
app.add_typer(keys.app, name="keys")
app.add_typer(mcp.app, name="mcp")
app.add_typer(prices.app)
app.add_typer(projects.app, name="projects")
app.add_typer(tasks.app, name="tasks")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(wecom.app, name="wecom")


@app.callback()
def choose_stack(
    context: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option(envvar="A2ACTL_STACK", help="Name of a deployed stack; without it, the local one."),
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region of the deployed stack.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile with the credentials to use.")] = None,
) -> None:
    """Operate a2a-tasks: projects, agents, API keys and tasks of a deployed stack or the local one."""
    context.obj = partial(Stack.choose, stack, region, profile, Path.cwd())
