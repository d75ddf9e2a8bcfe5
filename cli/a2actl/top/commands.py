"""``a2actl top``: a live view of a deployment."""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from a2actl.agents.commands import AsJson, check_project
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.output import note, show_json, show_json_line, show_table

if TYPE_CHECKING:
    from a2actl.top.reader import DeploymentReader
    from a2actl.top.snapshot import Snapshot

app = typer.Typer()

SHORTEST, USUAL = 2.0, 5.0
"""Seconds between two refreshes."""
PATIENCE = 3


@app.command("top")
def watch(
    context: typer.Context,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Only this project's agents.")
    ] = None,
    agents: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of agents.")] = 20,
    newest: Annotated[
        int, typer.Option(min=10, max=1_000, help="How many of each agent's newest tasks are counted.")
    ] = 100,
    every: Annotated[float, typer.Option(min=SHORTEST, help="Seconds between two refreshes.")] = USUAL,
    once: Annotated[bool, typer.Option("--once", help="Show one snapshot and exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show tasks by agent and status, queues, workers, slots, rates, spend and alarms. Ctrl-C exits."""
    stack = chosen_stack(context)
    with stack.deployment() as deployment:
        from a2actl.top.reader import DeploymentReader

        if project:
            check_project(deployment.registry, project)
        reader = DeploymentReader(deployment, project, agents, newest)
        if once or not (as_json or sys.stdout.isatty()):
            _show_once(reader.read(every), as_json=as_json)
        elif as_json:
            _repeat(lambda: show_json_line(reader.read(every).to_json()), every)
        else:
            _live(reader, stack.name, every)


def _show_once(snapshot: "Snapshot", *, as_json: bool) -> None:
    from a2actl.top import view

    if as_json:
        show_json(snapshot.to_json())
        return
    typer.echo(view.summary(snapshot))
    show_table(view.AGENT_COLUMNS, view.agent_rows(snapshot))
    show_table(view.QUEUE_COLUMNS, view.queue_rows(snapshot))
    note(view.price(snapshot))


def _live(reader: "DeploymentReader", stack_name: str, every: float) -> None:
    from rich.live import Live

    from a2actl.top.view import rendered

    with Live(auto_refresh=False, screen=True) as live:
        _repeat(lambda: live.update(rendered(reader.read(every), stack_name), refresh=True), every)


def _repeat(show: Callable[[], None], every: float) -> None:
    """Repeat until interrupted, or until AWS fails to respond three times in a row."""
    from botocore.exceptions import BotoCoreError, ClientError

    from a2a_tasks.ports.errors import StoreUnavailable

    failures = 0
    while True:
        try:
            try:
                show()
                failures = 0
            except (StoreUnavailable, ClientError, BotoCoreError):
                failures += 1
                if failures == PATIENCE:
                    raise
            time.sleep(every)
        except KeyboardInterrupt:
            return
