"""Run the kit against a local stack, which is started and stopped if none is running."""

from pathlib import Path

from rich.console import Console

from local.conformance.adapter import running_adapter
from local.conformance.first_calls import make_first_calls
from local.conformance.kit import Kit, Result
from local.conformance.known import known_failures, unexpected
from local.conformance.report import show
from local.conformance.scenarios import directives_of
from local.deployed import Deployed, make_project
from local.progress import Progress
from local.stack.local_stack import LocalStack
from local.standin.client import StandInClient
from local.tools import ToolError

PROJECT = "conformance"
AGENTS = Path(__file__).with_name("agent.yaml")


def run(stack: LocalStack, kit: Kit, progress: Progress, console: Console) -> int:
    """The exit status: 1 if a test failed that must not fail.

    Raises ToolError and NotHealthyError.
    """
    kit.check()
    if not stack.claude.is_stand_in:
        raise ToolError(
            "The kit steers the stand-in: run it without ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL."
        )
    with progress.step("Install the kit's requirements"):
        kit.environment.ensure()
    ran_before = stack.emulator.pid() is not None
    try:
        results = _results(stack, kit, progress)
    finally:
        if not ran_before:
            stack.stop()
    known = known_failures()
    show(results, known, console)
    console.print(
        f"The kit's commit is {kit.commit()}; its log is {kit.log}.", highlight=False, soft_wrap=True
    )
    return 1 if unexpected(results, known) else 0


def _results(stack: LocalStack, kit: Kit, progress: Progress) -> list[Result]:
    standin = StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}")
    deployed = Deployed(stack, stack.up(), standin)
    project = make_project(deployed, PROJECT, AGENTS)
    try:
        with running_adapter(deployed.api_url, project.key, directives_of(kit.folder)) as address:
            agent = f"{address}/a2a/{PROJECT}-kit"
            with progress.step("Start the functions"):
                make_first_calls(agent)
            with progress.step("Run the kit, which takes some minutes"):
                return kit.run(agent)
    finally:
        project.registry.revoke_key(project.key_id, deployed.now())
