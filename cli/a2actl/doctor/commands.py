"""``a2actl doctor``: check a deployment."""

from typing import TYPE_CHECKING, Annotated

import typer

from a2a_tasks.adapters.system import SystemClock
from a2actl.agents.commands import AsJson
from a2actl.deployment.stack import Stack, chosen_stack
from a2actl.doctor import view
from a2actl.doctor.finding import Finding, State
from a2actl.tasks.options import Key
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_json
from a2actl.terminal.progress import waiting

if TYPE_CHECKING:
    from a2actl.doctor.target import Target

app = typer.Typer()

NOT_WELL = 1
"""Exit code if a check has found a fault; with warnings alone it is 0."""


@app.command("doctor")
def examine(
    context: typer.Context,
    task: Annotated[
        bool, typer.Option("--task", help="Also submit, read and cancel a task, free of charge. Needs a key.")
    ] = False,
    with_model: Annotated[
        bool, typer.Option(help="Also have a worker and the model execute a task, for less than a cent.")
    ] = False,
    agent: Annotated[
        str | None, typer.Option(metavar="AGENT", help="The task's agent; by default the project's first.")
    ] = None,
    as_json: AsJson = False,
    key: Key = None,
) -> None:
    """Check a deployment and show how to fix what is wrong. Exits with 1 if something does not work."""
    stack = chosen_stack(context)
    needs_key = task or with_model
    api_key = stack.api_key(key) if needs_key else key or (stack.local.api_key if stack.local else None)
    target, found = _examined(stack, api_key)
    if needs_key:
        found.append(_tried(stack, target, agent, asks_model=with_model or target.has_stand_in))
    runbook = target.deployment.parameters.get("RunbookUrl", "")
    if as_json:
        show_json(view.to_json(target.deployment.stack_name, found, runbook))
    else:
        view.show(found, runbook)
        note(view.verdict(found))
    if any(finding.state is State.FAULT for finding in found):
        raise typer.Exit(NOT_WELL)


def _examined(stack: Stack, api_key: str | None) -> "tuple[Target, list[Finding]]":
    from a2actl.doctor.examination import CHECKS
    from a2actl.doctor.target import Target

    api_url = stack.api_url()
    found: list[Finding] = []
    with stack.deployment() as deployment, waiting("Stack") as tell:
        target = Target(
            deployment=deployment,
            resources=deployment.account.resources(deployment.stack_name),
            status=deployment.account.stack(deployment.stack_name).status,
            api_url=api_url,
            api_key=api_key,
            now=SystemClock().now(),
        )
        for check in CHECKS:
            tell(check.subject)
            found += check.findings(target)
    return target, found


def _tried(stack: Stack, target: "Target", agent: str | None, *, asks_model: bool) -> Finding:
    from a2actl.doctor.trial import SUBJECT, Trial
    from a2actl.tasks.api import connected
    from a2actl.tasks.waiting import Waiting, progress

    try:
        agent_id = agent or _first_agent(stack, target.api_key or "")
        with connected(target.api_url, target.api_key or "") as api:
            trial = Trial(api, agent_id)
            if not asks_model:
                return trial.without_model()
            with progress("task") as show:
                return trial.with_model(Waiting(), show)
    except Fault as fault:
        return Finding.fault(SUBJECT, str(fault), "Fix this, and check again.", "runbook/api-fails.md")


def _first_agent(stack: Stack, api_key: str) -> str:
    """An agent that the key may use. Raises ``Fault`` if there is none."""
    from a2a_tasks.access.authentication import authenticate

    with stack.registry() as registry:
        known = authenticate(registry, f"Bearer {api_key}", SystemClock().now())
        agents = registry.agents_of(known.project_id) if known else []
    enabled = sorted(found.agent_id for found in agents if found.enabled)
    if not enabled:
        raise Fault("The key's project has no agent that takes tasks; name one with --agent.")
    return enabled[0]
