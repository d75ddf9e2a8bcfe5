"""`python -m local`: the local stack of this checkout, and what prepares a deployment."""

import argparse
import os
import sys
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from a2a_tasks.domain.pricing.overrides import BadPrices
from local.adoption.command import REGISTRY, TASKS, adopt
from local.claude import Claude
from local.demo import Access, prepare, run_chat, run_task, show_next_steps, show_result
from local.dependencies.lock import lock
from local.dependencies.supply_chain import audit, write_sbom
from local.documentation.docs_site import build_site
from local.functions import function_names
from local.imports import check_imports
from local.ports import Ports, is_free
from local.process import NotHealthyError
from local.progress import Terminal
from local.release import release_of, stamped
from local.sources import deployment_digest
from local.stack import LocalStack
from local.template.samconfig import sam_arguments, template_parameters
from local.tools import PRE_COMMIT, ROOT, ToolError, install_tools, run_tool

FOLDER = ROOT / ".local"
PORTS_PATH = FOLDER / "ports.json"
ACCESS_PATH = FOLDER / "stack.json"
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"


def main() -> int:
    """Run the command. Returns the status to exit with."""
    parser = argparse.ArgumentParser(prog="python -m local", description="The whole system on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start and deploy what is missing, run one task, and ask in a chat")
    commands.add_parser("stop", help="end all processes; what is stored stays")
    commands.add_parser("status", help="tell what runs and where")
    commands.add_parser("reset", help="end all processes and delete what is stored")
    commands.add_parser("tools", help="install AWS SAM and the emulator")
    commands.add_parser("imports", help="check which package imports which")
    commands.add_parser("lock", help="pin the newest versions of everything")
    commands.add_parser("sbom", help="write the bill of materials of what is deployed")
    commands.add_parser("audit", help="look for known vulnerabilities of what is pinned")
    commands.add_parser("docs", help="build the documentation's site")
    commands.add_parser("screenshots", help="take the pictures of the console in docs/console")
    commands.add_parser("hooks", help="have git check style and types before each commit")
    conformance = commands.add_parser("conformance", help="run the A2A conformance kit")
    conformance.add_argument("kit", type=Path, help="a checkout of a2aproject/a2a-tck, branch 1.0-dev")
    parameters = commands.add_parser("parameters", help="print an environment's template parameters")
    parameters.add_argument("environment")
    stamp = commands.add_parser(
        "stamp", help="write the release's name into what was built; print the template"
    )
    stamp.add_argument("environment")
    stamp.add_argument("architecture")
    adoption = commands.add_parser("adopt", help="make restored tables ready for a stack")
    adoption.add_argument("--tasks", metavar="TABLE", help="stands in for TasksTable")
    adoption.add_argument("--registry", metavar="TABLE", help="stands in for RegistryTable")
    preflight_options = commands.add_parser(
        "preflight", help="check what a deployment needs before it starts"
    )
    preflight_options.add_argument("environment")
    preflight_options.add_argument("--offline", action="store_true", help="only what takes no AWS account")
    commands.add_parser(
        "check-template", help="lint the template as it is deployed, and check every environment"
    )
    logs = commands.add_parser("logs", help="print what a function has logged in the last ten minutes")
    logs.add_argument("function", nargs="?", choices=function_names(), default="worker")
    options = parser.parse_args()
    console = Console()
    try:
        match options.command:
            case "up":
                return _up(console)
            case "stop":
                stopped = _stack(_known_ports()).stop()
                console.print("The local stack is stopped." if stopped else "Nothing was running.")
            case "status":
                _status(console)
            case "reset":
                _stack(_known_ports()).forget()
                ACCESS_PATH.unlink(missing_ok=True)
                console.print("The local stack is stopped, and what it had stored is deleted.")
            case "tools":
                install_tools(Terminal(console))
            case "imports":
                check_imports()
            case "lock":
                lock(Terminal(console))
            case "sbom":
                write_sbom(Terminal(console))
            case "audit":
                return audit(Terminal(console), console)
            case "docs":
                site = build_site(Terminal(console))
                console.print(
                    f"To read it: {sys.executable} -m http.server --directory {site}", soft_wrap=True
                )
            case "screenshots":
                _take_screenshots(console)
            case "hooks":
                PRE_COMMIT.ensure()
                console.print(run_tool([PRE_COMMIT.program("pre-commit"), "install"]).strip())
            case "conformance":
                return _conformance(options.kit, console)
            case "parameters":
                print(*sam_arguments(options.environment))
            case "stamp":
                print(_stamp(options.environment, options.architecture))
            case "adopt":
                return _adopt({TASKS: options.tasks, REGISTRY: options.registry}, console)
            case "preflight":
                return _preflight(console, options.environment, offline=options.offline)
            case "check-template":
                return _check_template(console)
            case "logs":
                _logs(console, options.function)
    except BadPrices as error:
        return _failed(f"samconfig.toml, ModelPrices: {error}")
    except (ToolError, NotHealthyError, LookupError, BotoCoreError, ClientError) as error:
        return _failed(str(error))
    return 0


def _failed(reason: str) -> int:
    """Say it where `make` does not take it for what was asked for."""
    Console(stderr=True).print(f"\n{reason}", style="red", markup=False, highlight=False)
    return 1


def _up(console: Console) -> int:
    started = time.monotonic()
    stack = _stack(_ports())
    stack.progress = Terminal(console)
    if stack.claude.is_stand_in:
        console.print(
            "Without ANTHROPIC_API_KEY (or ANTHROPIC_BASE_URL) the workers talk to a stand-in for Claude.\n"
        )
    else:
        console.print(f"The workers talk to Claude at {stack.claude.base_url}. You pay for its use.\n")
    deployment = stack.up()
    access = prepare(stack, deployment, ACCESS_PATH)
    task = run_task(access, console)
    show_result(task, stack, console)
    run_chat(stack, deployment, console)
    show_next_steps(access, task, ACCESS_PATH, console)
    console.print(f"[dim]All this took {time.monotonic() - started:.0f} s.[/dim]")
    return 0 if task["status"] == "completed" else 1


def _take_screenshots(console: Console) -> None:
    from local.browser.screenshots import make_screenshots  # the other commands need not wait for it

    for picture in make_screenshots(Terminal(console)):
        console.print(f"{os.path.relpath(picture)}: {picture.stat().st_size:,} bytes", highlight=False)


def _conformance(folder: Path, console: Console) -> int:
    from local.conformance.kit import Kit  # the other commands need not wait for it
    from local.conformance.run import run

    stack = _stack(_ports())
    stack.progress = Terminal(console)
    return run(stack, Kit(folder.resolve(), FOLDER / "conformance"), stack.progress, console)


def _status(console: Console) -> None:
    stack = _stack(_known_ports())
    for process in (stack.emulator, stack.stand_in, stack.gateway):
        pid = process.pid()
        state = f"runs (process {pid})" if pid is not None else "does not run"
        console.print(f"{process.name:10} {state}, log {os.path.relpath(process.log_path)}", highlight=False)
    if (access := Access.load(ACCESS_PATH)) is not None:
        console.print(f"{'API':10} {access.api_url}", highlight=False)
        console.print(f"{'Claude':10} {access.claude_base_url}", highlight=False)


def _stamp(environment: str, architecture: str) -> Path:
    parameters = template_parameters(environment) | {"Architecture": architecture}
    return stamped(BUILT, release_of(deployment_digest(parameters)), "release.yaml")


def _adopt(tables: dict[str, str | None], console: Console) -> int:
    given = {logical_id: table for logical_id, table in tables.items() if table}
    if not given:
        raise LookupError("Which tables? make adopt TASKS=NAME REGISTRY=NAME, or one of the two.")
    return adopt(given, console)


def _preflight(console: Console, environment: str, *, offline: bool) -> int:
    # cfn-lint's schemas take seconds to import, and `make run` does without them
    from local.preflight.command import preflight

    return preflight(environment, console, offline=offline)


def _check_template(console: Console) -> int:
    from local.preflight.command import check_template

    return check_template(console)


def _logs(console: Console, function: str) -> None:
    stack = _stack(_known_ports())
    if stack.emulator.pid() is None:
        raise ToolError("The local stack does not run. `make run` starts it.")
    for message in stack.logged(function, int((time.time() - 600) * 1000)):
        console.print(message.rstrip(), markup=False, highlight=False, soft_wrap=True)


def _stack(ports: Ports) -> LocalStack:
    return LocalStack(FOLDER, ports, Claude.from_environment(os.environ, ports.stand_in))


def _known_ports() -> Ports:
    return Ports.load(PORTS_PATH) or Ports.preferred()


def _ports() -> Ports:
    """The ports of last time, as long as nobody else has taken them meanwhile.

    The addresses of the stored queues hold the port, so what is stored goes with it.
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
    sys.exit(main())
