"""``a2actl projects``: budgets, and the agents that others may call."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.ids import AGENT_ID
from a2a_tasks.domain.usage import Usage
from a2actl.agents.commands import AsJson, Project, create_project, unknown_project
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.amount import format_usd, parse_usd
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_fields, show_json, show_table

if TYPE_CHECKING:
    from a2a_tasks.adapters.dynamodb.registry import DynamoDBRegistry, ProjectChange

app = typer.Typer(no_args_is_help=True, help="Show and set budgets, and the agents that others may call.")


@app.command("list")
def list_projects(context: typer.Context, as_json: AsJson = False) -> None:
    """List the projects with their settings."""
    with chosen_stack(context).registry() as registry:
        projects = registry.projects()
    if as_json:
        show_json([to_json(project) for project in projects])
        return
    show_table(
        ("PROJECT", "DAILY COST", "DAILY TOKENS", "CALLABLE AGENTS", "MCP SERVERS"),
        [(project.project_id, *_settings(project)) for project in projects],
    )


@app.command("show")
def show(context: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Show a project's settings, and what it has spent today."""
    from a2a_tasks.access.budgets import day_of

    stack = chosen_stack(context)
    project_id = stack.project(project)
    today = day_of(SystemClock().now())
    with stack.deployment() as deployment:
        found = deployment.registry.project(project_id)
        if found is None:
            raise unknown_project(project_id)
        spent = deployment.spend.spend(project_id, today)
    cost = spent.cost_usd or Decimal(0)
    if as_json:
        counted = {"date": today, "costUsd": float(cost), "tokens": spent.tokens}
        show_json(to_json(found) | {"today": counted})
        return
    daily_cost, daily_tokens, callable_agents, mcp_servers = _settings(found)
    show_fields(
        [
            ("Project", project_id),
            ("Daily cost", daily_cost),
            ("Daily tokens", daily_tokens),
            ("Spent today", _spent(found, cost, spent)),
            ("Callable agents", callable_agents),
            ("MCP servers", mcp_servers),
        ]
    )


@app.command("set")
def set_project(
    context: typer.Context,
    project: Project = None,
    daily_cost_usd: Annotated[
        str | None, typer.Option(metavar="USD", help="Maximum cost of its tasks per UTC day.")
    ] = None,
    no_daily_cost_usd: Annotated[
        bool, typer.Option("--no-daily-cost-usd", help="Remove that limit.")
    ] = False,
    daily_tokens: Annotated[
        int | None, typer.Option(min=1, max=10**15, help="Maximum tokens of its tasks per UTC day.")
    ] = None,
    no_daily_tokens: Annotated[bool, typer.Option("--no-daily-tokens", help="Remove that limit.")] = False,
    callable_agent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="An agent that others may call; repeatable. Replaces the previous list."
        ),
    ] = None,
    no_callable_agents: Annotated[
        bool, typer.Option("--no-callable-agents", help="Allow no agent to be called.")
    ] = False,
) -> None:
    """Change settings of a project, and create it if it is new. Other settings stay unchanged."""
    change: ProjectChange = {}
    if _is_named("--daily-cost-usd", daily_cost_usd, no_daily_cost_usd):
        usd = daily_cost_usd
        change["daily_cost_usd"] = None if usd is None else parse_usd(usd, "--daily-cost-usd")
    if _is_named("--daily-tokens", daily_tokens, no_daily_tokens):
        change["daily_tokens"] = daily_tokens
    if _is_named("--callable-agent", callable_agent or None, no_callable_agents):
        change["callable_agents"] = frozenset(callable_agent or ())
    if not change:
        raise Fault("No setting was given; `a2actl projects set --help` lists them.")
    stack = chosen_stack(context)
    project_id = stack.project(project)
    with stack.deployment() as deployment:
        registry = deployment.registry
        _check_callable(registry, project_id, change.get("callable_agents", frozenset()))
        create_project(deployment, project_id)
        changed = registry.set_project(project_id, **change)
    daily_cost, tokens, agents, _ = _settings(changed)
    typer.echo(f"{project_id}: daily cost {daily_cost}, daily tokens {tokens}, callable agents {agents}")
    note("Running tasks use it within half a minute.")


def to_json(project: ProjectSettings) -> dict[str, Any]:
    """``{"projectId", "dailyCostUsd"?, "dailyTokens"?, "callableAgents", "mcpServers": [names]}``."""
    shown: dict[str, Any] = {"projectId": project.project_id}
    if project.daily_cost_usd is not None:
        shown["dailyCostUsd"] = float(project.daily_cost_usd)
    if project.daily_tokens is not None:
        shown["dailyTokens"] = project.daily_tokens
    return shown | {
        "callableAgents": sorted(project.callable_agents),
        "mcpServers": [server.name for server in project.mcp_servers],
    }


def _settings(project: ProjectSettings) -> tuple[str, str, str, str]:
    cost, tokens = project.daily_cost_usd, project.daily_tokens
    return (
        "unlimited" if cost is None else format_usd(cost),
        "unlimited" if tokens is None else f"{tokens:,}",
        ", ".join(sorted(project.callable_agents)) or "–",
        ", ".join(server.name for server in project.mcp_servers) or "–",
    )


def _spent(project: ProjectSettings, cost: Decimal, spent: Usage) -> str:
    if not project.has_budget and not spent.tokens:
        return "not counted without a daily limit"
    return f"{format_usd(cost)}, {spent.tokens:,} tokens (UTC)"


def _is_named(option: str, value: object, is_lifted: bool) -> bool:
    """Whether a setting changes. Raises ``Fault`` if it is both set and removed."""
    if value is not None and is_lifted:
        raise Fault(f"{option} is both set and removed; use one of them.")
    return value is not None or is_lifted


def _check_callable(registry: "DynamoDBRegistry", project_id: str, agents: frozenset[str]) -> None:
    """Raises ``Fault`` for what cannot be an agent of the project, before anything is written."""
    for agent_id in sorted(agents):
        if not AGENT_ID.fullmatch(agent_id):
            raise Fault(f"--callable-agent takes an agent's id, such as 'report-writer'; not {agent_id!r}.")
        found = registry.agent(agent_id)
        if found is None:
            note(f"The agent {agent_id!r} does not exist yet; it can be called once it is applied.")
        elif found.project_id != project_id:
            raise Fault(f"The agent {agent_id!r} belongs to another project, whose agents cannot be called.")
