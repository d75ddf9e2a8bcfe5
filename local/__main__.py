"""`python -m local`: the local stack of this checkout, and preparation of deployments."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from typer.core import TyperGroup

from a2a_tasks.domain.pricing.overrides import BadPrices
from local.adoption.command import REGISTRY, TASKS, adopt
from local.builds.release import release_of, stamped
from local.builds.sources import deployment_digest
from local.demo import Access, prepare, run_chat, run_task, show_next_steps, show_result
from local.dependencies.lock import lock
from local.dependencies.supply_chain import audit, write_sbom
from local.documentation.docs_site import build_site
from local.functions import function_names
from local.imports import check_imports
from local.progress import Terminal
from local.stack.claude import Claude
from local.stack.local_stack import LocalStack
from local.stack.ports import Ports, is_free
from local.stack.process import NotHealthyError
from local.template.samconfig import sam_arguments, template_parameters
from local.tools import PRE_COMMIT, ROOT, ToolError, install_tools, run_tool

FOLDER = ROOT / ".local"
PORTS_PATH = FOLDER / "ports.json"
ACCESS_PATH = FOLDER / "stack.json"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"


class Commands(TyperGroup):
    """All commands. Expected errors are printed as one sentence, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BadPrices as error:
            reason = f"samconfig.toml, ModelPrices: {error}"
        except (ToolError, NotHealthyError, LookupError, BotoCoreError, ClientError) as error:
            reason = str(error)
        # to standard error, so that `make` does not read it as the command's output
        Console(stderr=True).print(f"\n{reason}", style="red", markup=False, highlight=False)
        raise typer.Exit(1)


app = typer.Typer(
    cls=Commands,
    help="The local stack of this checkout, and preparation of deployments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
console = Console()

Environment = Annotated[str, typer.Argument(help="An environment in samconfig.toml.", metavar="ENV")]


@app.command()
def up() -> None:
    """Start the stack and deploy what has changed, run a task, and ask the agent in a chat."""
    started = time.monotonic()
    stack = _stack(_ports())
    stack.progress = Terminal(console)
    if stack.claude.is_stand_in:
        console.print(
            "Without ANTHROPIC_API_KEY (or ANTHROPIC_BASE_URL) the workers talk to a stand-in for Claude.\n"
        )
    else:
        console.print(f"The workers talk to Claude at {stack.claude.base_url}. This is billed.\n")
    deployment = stack.up()
    access = prepare(stack, deployment, ACCESS_PATH)
    task = run_task(access, console)
    show_result(task, stack, console)
    run_chat(stack, deployment, console)
    show_next_steps(access, task, ACCESS_PATH, console)
    console.print(f"[dim]This took {time.monotonic() - started:.0f} s.[/dim]")
    _exit(0 if task["status"] == "completed" else 1)


@app.command()
def stop() -> None:
    """Stop all processes. Stored data is kept."""
    stopped = _stack(_known_ports()).stop()
    console.print("The local stack is stopped." if stopped else "Nothing was running.")


@app.command()
def status() -> None:
    """Show what runs, and where."""
    stack = _stack(_known_ports())
    for process in (stack.emulator, stack.stand_in, stack.gateway):
        pid = process.pid()
        state = f"is running (process {pid})" if pid is not None else "is not running"
        console.print(f"{process.name:10} {state}, log {os.path.relpath(process.log_path)}", highlight=False)
    if (access := Access.load(ACCESS_PATH)) is not None:
        console.print(f"{'API':10} {access.api_url}", highlight=False)
        console.print(f"{'Claude':10} {access.claude_base_url}", highlight=False)


@app.command()
def logs(function: Annotated[str, typer.Argument(metavar="FUNCTION")] = "worker") -> None:
    """Print what a function has logged in the last ten minutes."""
    if function not in function_names():
        raise LookupError(f"There is no function {function}. Functions: {', '.join(function_names())}.")
    stack = _stack(_known_ports())
    if stack.emulator.pid() is None:
        raise ToolError("The local stack is not running. Start it with `make run`.")
    for message in stack.logged(function, int((time.time() - 600) * 1000)):
        console.print(message.rstrip(), markup=False, highlight=False, soft_wrap=True)


@app.command()
def reset() -> None:
    """Stop all processes and delete all stored data."""
    _stack(_known_ports()).forget()
    ACCESS_PATH.unlink(missing_ok=True)
    console.print("The local stack is stopped, and its data is deleted.")


@app.command()
def tools() -> None:
    """Install AWS SAM and the emulator."""
    install_tools(Terminal(console))


@app.command()
def imports() -> None:
    """Check the order of imports between packages."""
    check_imports()


@app.command("lock")
def lock_versions() -> None:
    """Pin the newest versions of all packages."""
    lock(Terminal(console))


@app.command()
def sbom() -> None:
    """Write the bill of materials of the deployment."""
    write_sbom(Terminal(console))


@app.command("audit")
def audit_versions() -> None:
    """Check the pinned packages for known vulnerabilities."""
    _exit(audit(Terminal(console), console))


@app.command()
def docs() -> None:
    """Build the documentation site."""
    site = build_site(Terminal(console))
    console.print(f"To read it: {sys.executable} -m http.server --directory {site}", soft_wrap=True)


@app.command()
def screenshots() -> None:
    """Take the screenshots of the console in docs/console."""
    from local.browser.screenshots import make_screenshots  # slow import, only needed here

    for picture in make_screenshots(Terminal(console)):
        console.print(f"{os.path.relpath(picture)}: {picture.stat().st_size:,} bytes", highlight=False)


@app.command()
def hooks() -> None:
    """Install a git hook that checks style and types before each commit."""
    PRE_COMMIT.ensure()
    console.print(run_tool([PRE_COMMIT.program("pre-commit"), "install"]).strip())


@app.command()
def conformance(
    kit: Annotated[Path, typer.Argument(help="A checkout of a2aproject/a2a-tck, branch 1.0-dev.")],
) -> None:
    """Run the A2A conformance kit."""
    from local.conformance.kit import Kit  # slow import, only needed here
    from local.conformance.run import run

    stack = _stack(_ports())
    stack.progress = Terminal(console)
    _exit(run(stack, Kit(kit.resolve(), FOLDER / "conformance"), stack.progress, console))


@app.command()
def parameters(environment: Environment) -> None:
    """Print an environment's template parameters."""
    print(*sam_arguments(environment))


@app.command()
def stamp(environment: Environment, architecture: str) -> None:
    """Write the release's name into the built template; print its path."""
    given = template_parameters(environment) | {"Architecture": architecture}
    print(stamped(BUILT, release_of(deployment_digest(given)), "release.yaml"))


@app.command("adopt")
def adopt_tables(
    tasks: Annotated[
        str | None, typer.Option(metavar="TABLE", help="The table to use as TasksTable.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(metavar="TABLE", help="The table to use as RegistryTable.")
    ] = None,
) -> None:
    """Prepare restored tables for use in a stack."""
    given = {logical_id: table for logical_id, table in ((TASKS, tasks), (REGISTRY, registry)) if table}
    if not given:
        raise LookupError("Name at least one table: make adopt TASKS=NAME REGISTRY=NAME.")
    _exit(adopt(given, console))


@app.command()
def preflight(
    environment: Environment,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Only the checks that need no AWS account.")
    ] = False,
) -> None:
    """Check the prerequisites of a deployment."""
    # cfn-lint's schemas take seconds to import, and `make run` does without them
    from local.preflight import command

    _exit(command.preflight(environment, console, offline=offline))


@app.command("check-template")
def check_template() -> None:
    """Lint the template as deployed, and check every environment."""
    from local.preflight import command

    _exit(command.check_template(console))


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)


def _stack(ports: Ports) -> LocalStack:
    return LocalStack(FOLDER, ports, Claude.from_environment(os.environ, ports.stand_in))


def _known_ports() -> Ports:
    return Ports.load(PORTS_PATH) or Ports.preferred()


def _ports() -> Ports:
    """The ports of the previous start, unless another program has taken them meanwhile.

    The URLs of the stored queues contain the port, so a new port loses the stored data.
    """
    known = Ports.load(PORTS_PATH)
    stack = _stack(known or Ports.free())
    if known is not None and all(
        process.pid() is not None or is_free(port)
        for process, port in (
            (stack.emulator, known.emulator),
            (stack.stand_in, known.stand_in),
            (stack.gateway, known.gateway),
        )
    ):
        return known
    stack.forget()
    chosen = Ports.preferred()
    chosen.save(PORTS_PATH)
    return chosen


if __name__ == "__main__":
    app(prog_name="python -m local")
