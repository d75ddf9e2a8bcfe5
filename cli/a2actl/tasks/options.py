"""Options and arguments of the commands on tasks, and their exit codes."""

from typing import Annotated

import typer

NOT_COMPLETED = 1
"""Exit code where a task that was waited for failed or was canceled."""
INTERRUPTED = 130

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")]
Key = Annotated[
    str | None,
    typer.Option(envvar="A2A_API_KEY", help="API key; by default the local stack's.", show_envvar=True),
]
