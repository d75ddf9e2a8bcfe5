"""``a2actl agents``: define, show and disable agents."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.agent import AgentRevision
from a2actl.agents.view import fields, state, to_json
from a2actl.deployment.stack import Stack, chosen_stack
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json, show_table, show_text

if TYPE_CHECKING:
    from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry
    from a2actl.agents.file import FoundAgent
    from a2actl.deployment.deployment import Deployment

app = typer.Typer(no_args_is_help=True, help="Define, show and disable agents.")

AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's id.")]
Project = Annotated[
    str | None, typer.Option("--project", help="Project id; by default the local stack's.", metavar="ID")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("apply")
def apply(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="YAML files, or directories of them.")
    ],
    project: Annotated[
        str | None,
        typer.Option(help="Project of agents whose file names none.", metavar="ID"),
    ] = None,
) -> None:
    """Create or change agents: all of them, or none if one is not valid. Running tasks are not affected."""
    from a2actl.agents.file import read_agents

    stack = chosen_stack(context)
    owned = owners(read_agents(files), project, stack)
    with stack.deployment() as deployment:
        registry = deployment.registry
        check_ownership(registry, owned)
        warnings = check_needs(deployment, owned)
        for found, project_id in owned:
            create_project(deployment, project_id)
            applied = apply_one(registry, found, project_id, SystemClock().now())
            disabled = "" if applied.enabled else ", disabled"
            typer.echo(f"{applied.agent_id}: revision {applied.revision} in project {project_id}{disabled}")
    for warning in warnings:
        note(warning)


@app.command("list")
def list_agents(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """List a project's agents."""
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.registry() as registry:
        agents = registry.agents_of(project_id)
        if not agents:
            check_project(registry, project_id)
    if as_json:
        show_json([to_json(agent) for agent in agents])
        return
    show_table(
        ("AGENT", "NAME", "MODEL", "REVISION", "STATE"),
        [(a.agent_id, a.name, a.model, str(a.revision), state(a)) for a in agents],
    )


@app.command("show")
def show(context: typer.Context, agent: AgentId, as_json: AsJson = False) -> None:
    """Show an agent's current revision."""
    with chosen_stack(context).registry() as registry:
        found = registry.agent(agent)
    if found is None:
        raise _unknown(agent)
    if as_json:
        show_json(to_json(found))
        return
    show_fields(fields(found))
    if found.system_prompt:
        typer.echo("\nSystem prompt:")
        show_text(found.system_prompt)
    if found.output_schema:
        typer.echo("\nOutput schema:")
        show_json(found.output_schema)


@app.command("disable")
def disable(context: typer.Context, agent: AgentId) -> None:
    """Disable an agent: it accepts no new tasks. Its existing tasks continue."""
    with chosen_stack(context).registry() as registry:
        found = registry.disable_agent(agent, SystemClock().now())
    if found is None:
        raise _unknown(agent)
    typer.echo(f"{agent}: disabled. Its existing tasks continue; apply its definition again to enable it.")


def owners(found: "list[FoundAgent]", project: str | None, stack: Stack) -> "list[tuple[FoundAgent, str]]":
    """Each agent with its project: the file's, else the given one, else the local stack's.

    Raises ``Fault`` where the file and the given one differ, or neither is there.
    """
    owned = []
    for agent in found:
        own = agent.definition.project_id
        if own and project and own != project:
            raise Fault(
                f"{agent.source}: projectId is {own!r}, but --project is {project!r}; remove one of them."
            )
        owned.append((agent, stack.project(own or project)))
    return owned


def check_ownership(registry: "DynamoDBRegistry", owned: "list[tuple[FoundAgent, str]]") -> None:
    """Raises ``Fault`` if another project has one of the ids: before anything is written."""
    for found, project_id in owned:
        current = registry.agent(found.definition.id)
        if current and current.project_id != project_id:
            raise _taken(found)


def apply_one(registry: "DynamoDBRegistry", found: "FoundAgent", project_id: str, now: int) -> AgentRevision:
    """Raises ``Fault`` if it was created or changed since the check."""
    from a2a_tasks.adapters.dynamodb.registry import AgentTaken, RevisionRaced

    definition = found.definition
    try:
        return registry.apply_agent(definition.id, project_id, definition.to_stored(), now)
    except AgentTaken:
        raise _taken(found) from None
    except RevisionRaced:
        raise Fault(
            f"{found.source}: {definition.id!r} was applied by somebody else at the same time; apply again."
        ) from None


def check_needs(deployment: "Deployment", owned: "list[tuple[FoundAgent, str]]") -> list[str]:
    """What to warn of. Raises ``Fault`` if an agent needs what is not there: before anything is written."""
    from a2actl.agents import checks

    problems: list[str] = []
    warnings: list[str] = []
    for found, project_id in owned:
        project = deployment.registry.project(project_id) or ProjectSettings(project_id)
        problems += checks.problems(found, project, deployment.backend, deployment.connections)
        warnings += checks.warnings(found, project)
    if problems:
        raise Fault("\n".join([*problems, "Nothing was applied; fix this and apply again."]))
    return warnings


def create_project(deployment: "Deployment", project_id: str) -> None:
    """Make the project if it is new, and say so; and what signs its notifications, if it has nothing."""
    if deployment.registry.create_project(project_id, SystemClock().now()):
        note(f"Created the project {project_id}.")
    deployment.webhook_secrets.ensure(project_id)


def check_project(registry: "DynamoDBRegistry", project_id: str) -> None:
    if registry.project(project_id) is None:
        raise unknown_project(project_id)


def unknown_project(project_id: str) -> Fault:
    return Fault(
        f"There is no project {project_id!r}; `a2actl keys create --project {project_id}` creates it."
    )


def _unknown(agent_id: str) -> Fault:
    return Fault(f"There is no agent {agent_id!r}; `a2actl agents list --project ID` lists the agents.")


def _taken(found: "FoundAgent") -> Fault:
    return Fault(
        f"{found.source}: the id {found.definition.id!r} belongs to another project, and agent ids are unique"
        " in a deployment; choose another id."
    )
