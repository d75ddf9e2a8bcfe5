"""``a2actl export``: export tasks as NDJSON, for reports, archives and migrations."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2actl.agents.commands import Project, check_project
from a2actl.deployment.stack import Stack, chosen_stack
from a2actl.terminal.amount import counted
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note
from a2actl.terminal.progress import progress

if TYPE_CHECKING:
    from a2a_tasks.domain.task import TaskRef
    from a2actl.deployment.task_data import TaskData
    from a2actl.export.selection import Selection

app = typer.Typer()

AT_ONCE = 16
"""Tasks whose texts are read at a time."""


@app.command("export")
def export(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    project: Project = None,
    agents: Annotated[
        list[str] | None, typer.Option("--agent", metavar="AGENT", help="Only this agent; repeatable.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Created at or after this time: a day, or ISO 8601."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Created before this time; by default now.")
    ] = None,
    texts: Annotated[bool, typer.Option("--texts/--no-texts", help="With input and output.")] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue after the file's last task, with the same options.")
    ] = False,
) -> None:
    """Write a project's tasks to a file as NDJSON: by agent, newest first."""
    from a2actl.deployment.task_data import TaskData
    from a2actl.export.selection import resumed

    stack = chosen_stack(context)
    after, whole = resumed(output) if resume and output.exists() else (None, 0)
    with stack.deployment() as deployment:
        selection = _selection(stack, project, agents, since, until)
        if after is not None and after.agent_id not in selection.agent_ids:
            raise Fault(f"{output} ends with a task of {after.agent_id}, which this export does not include.")
        with _opened(output, resume=resume, whole=whole) as file:
            written = _write(TaskData(deployment), selection, after, file, texts=texts)
    typer.echo(f"{output}: {counted(written, 'task')} written.")


def _selection(
    stack: Stack, project: str | None, agents: list[str] | None, since: str | None, until: str | None
) -> "Selection":
    """Raises ``Fault`` for an agent that the project has not."""
    from a2actl.export.selection import Selection, moment

    project_id = stack.project(project)
    with stack.registry() as registry:
        known = sorted(agent.agent_id for agent in registry.agents_of(project_id))
        if not known:
            check_project(registry, project_id)
    if strange := sorted(set(agents or ()) - set(known)):
        raise Fault(
            f"--agent: the project {project_id} has no {', '.join(strange)}; it has {', '.join(known)}."
        )
    chosen = [agent for agent in known if not agents or agent in agents]
    begin = moment(since, "--from") if since else 0
    return Selection(tuple(chosen), begin, moment(until, "--to") if until else SystemClock().now())


@contextmanager
def _opened(output: Path, *, resume: bool, whole: int) -> Iterator[IO[str]]:
    """The file, positioned after its last complete line if an export is resumed.

    Raises ``Fault`` if it cannot be written, or would be overwritten.
    """
    if output.exists() and not resume:
        raise Fault(f"{output} already exists; continue it with --resume, or choose another --output.")
    try:
        if output.exists():
            with output.open("r+b") as begun:
                begun.truncate(whole)
        with output.open("a", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise Fault(f"{output}: cannot be written ({error.strerror}).") from None


def _write(
    data: "TaskData", selection: "Selection", after: "TaskRef | None", file: IO[str], *, texts: bool
) -> int:
    from a2actl.export.lines import exported

    written = 0
    pages = selection.pages(data.services.store, after, SystemClock().now())
    line = partial(exported, payloads=data.payloads, texts=texts)
    with ThreadPoolExecutor(AT_ONCE) as pool, progress("tasks written") as advance:
        try:
            for page in pages:
                for document in pool.map(line, page):
                    file.write(json.dumps(document, ensure_ascii=False) + "\n")
                    written += 1
                    advance(written, None)
        except (PayloadUnavailable, StoreUnavailable) as error:
            note(f"{written} written; continue with --resume.")
            raise Fault(f"AWS does not respond: {error}") from error
        except KeyboardInterrupt:
            note(f"{written} written; continue with --resume.")
            raise typer.Exit(130) from None
    return written
