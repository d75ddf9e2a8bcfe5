"""Checks that a deployment and a project have what agents need."""

from collections.abc import Iterator

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.agents.definition import AgentDefinition
from a2a_tasks.domain.agents.model_capabilities import ModelCapability, has, is_there
from a2a_tasks.domain.tools.catalog import CHILD_TOOLS, MCP_TOOL, SERVER_TOOLS
from a2a_tasks.domain.tools.definitions import unsupported
from a2a_tasks.wecom.groups import problem_of
from a2a_tasks.wecom.ports import ConnectionReader
from a2actl.agents.file import FoundAgent

WEB_TOOLS = ("WebSearch", "WebFetch")
ACTING_TOOLS = frozenset({"save_artifact", *CHILD_TOOLS})
"""Our own tools that hand something to others than the model: files to callers, work to other agents."""


def problems(
    found: FoundAgent, project: ProjectSettings, backend: Backend, connections: ConnectionReader
) -> Iterator[str]:
    """The agent's problems, one line each with the fix."""
    tools = found.definition.allowed_tools
    not_served = unsupported(tools, backend)
    if not_served:
        yield (
            f"{found.source}: allowedTools: this deployment calls Claude by {backend}, which does not serve"
            f" {', '.join(not_served)}; remove that, or deploy with another backend"
        )
    fallbacks = found.definition.fallbacks
    if fallbacks is not None and fallbacks.on_refusal is not None:
        model = found.definition.model
        if not is_there(ModelCapability.FALLBACKS, backend):
            yield (
                f"{found.source}: fallbacks.onRefusal: this deployment calls Claude by {backend}, which"
                " supports no fallback after a refusal; remove it, or deploy with another backend"
            )
        elif model.startswith("claude-") and not has(ModelCapability.FALLBACKS, model, backend):
            yield f"{found.source}: fallbacks.onRefusal: {model} does not support it; remove it"
    known = {server.name for server in project.mcp_servers}
    asked = {match["server"]: name for name in tools if (match := MCP_TOOL.fullmatch(name))}
    for server, name in asked.items():
        if server not in known:
            yield (
                f"{found.source}: allowedTools: {name} belongs to the MCP server {server!r}, which the"
                " project"
                f" {project.project_id} does not have; register it with: a2actl mcp add --project"
                f" {project.project_id} --name {server} --url https://…"
            )
    for connection_id in found.definition.notify:
        problem = problem_of(connections.connection(connection_id), project.project_id)
        if problem is not None:
            yield f"{found.source}: notify: {connection_id}: {problem}"


def warnings(found: FoundAgent, project: ProjectSettings) -> Iterator[str]:
    """Definitions that are valid but may not behave as expected."""
    if CHILD_TOOLS.intersection(found.definition.allowed_tools) and not project.callable_agents:
        yield (
            f"{found.definition.id} may call agents, but no agent of the project {project.project_id} may"
            f" be called yet; allow some with: a2actl projects set --project {project.project_id}"
            " --callable-agent ID"
        )
    yield from _open_to_injection(found.definition)


def _open_to_injection(definition: AgentDefinition) -> Iterator[str]:
    """What a page or a server's response could make the agent do. `afterUntrusted` stops the worker's tools,
    between turns; tools at the API run within a turn."""
    tools = definition.allowed_tools
    unbounded = [name for name in WEB_TOOLS if name in tools and not _allowed_domains(definition, name)]
    for name in unbounded:
        yield (
            f"{definition.id} may use {name} on the whole web, and content that it reads may steer it;"
            " list the"
            f" sites that it needs in toolOptions.{name}.allowedDomains"
        )
    matches = (MCP_TOOL.fullmatch(name) for name in tools)
    on_servers = sorted({f"the MCP server {match['server']}" for match in matches if match})
    readers = [name for name in tools if name in SERVER_TOOLS] + on_servers
    outlets = [name for name in unbounded if name == "WebFetch"] + on_servers
    for outlet in outlets:
        others = [name for name in readers if name != outlet]
        if others:
            yield (
                f"{definition.id}: content from {', '.join(others)} may make it use {outlet} in the"
                " same turn,"
                " at Claude's API, where this system cannot stop it; if one of them reads confidential data,"
                " split it into two agents"
            )
    gated = definition.after_untrusted is not None
    acting = sorted(ACTING_TOOLS.intersection(tools))
    if readers and acting and not gated:
        yield (
            f"{definition.id} reads content from outside and may then use {', '.join(acting)}; if it does"
            " not need them, disable them with afterUntrusted"
        )


def _allowed_domains(definition: AgentDefinition, tool: str) -> list[str] | None:
    options = definition.tool_options
    given = options.web_search if tool == "WebSearch" else options.web_fetch
    return given.allowed_domains if given is not None else None
