"""Whether a deployment and a project can do what agents ask of them."""

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
    """Why the agent could not work, a line each with the fix."""
    tools = found.definition.allowed_tools
    not_served = unsupported(tools, backend)
    if not_served:
        yield (
            f"{found.source}: allowedTools: this deployment reaches Claude by {backend}, which does not have"
            f" {', '.join(not_served)}; leave that out, or deploy with another backend"
        )
    fallbacks = found.definition.fallbacks
    if fallbacks is not None and fallbacks.on_refusal is not None:
        model = found.definition.model
        if not is_there(ModelCapability.FALLBACKS, backend):
            yield (
                f"{found.source}: fallbacks.onRefusal: this deployment reaches Claude by {backend}, which"
                " asks no other model after a refusal; leave it out, or deploy with another backend"
            )
        elif model.startswith("claude-") and not has(ModelCapability.FALLBACKS, model, backend):
            yield f"{found.source}: fallbacks.onRefusal: {model} does not have it; leave it out"
    known = {server.name for server in project.mcp_servers}
    asked = {match["server"]: name for name in tools if (match := MCP_TOOL.fullmatch(name))}
    for server, name in asked.items():
        if server not in known:
            yield (
                f"{found.source}: allowedTools: {name} is of the MCP server {server!r}, which the project"
                f" {project.project_id} does not have; register it with: a2actl mcp add --project"
                f" {project.project_id} --name {server} --url https://…"
            )
    for connection_id in found.definition.notify:
        problem = problem_of(connections.connection(connection_id), project.project_id)
        if problem is not None:
            yield f"{found.source}: notify: {connection_id}: {problem}"


def warnings(found: FoundAgent, project: ProjectSettings) -> Iterator[str]:
    """What works, but not as one might think."""
    if CHILD_TOOLS.intersection(found.definition.allowed_tools) and not project.callable_agents:
        yield (
            f"{found.definition.id} may call agents, but the project {project.project_id} lets none be called"
            f" yet; name them with: a2actl projects set --project {project.project_id} --callable-agent ID"
        )
    yield from _open_to_injection(found.definition)


def _open_to_injection(definition: AgentDefinition) -> Iterator[str]:
    """What a page or a server's answer could have the agent do. `afterUntrusted` stops our own tools, between
    turns; the tools at the API run within one."""
    tools = definition.allowed_tools
    unbounded = [name for name in WEB_TOOLS if name in tools and not _allowed_domains(definition, name)]
    for name in unbounded:
        yield (
            f"{definition.id} may use {name} on the whole web, and what it reads may steer it; name the sites"
            f" that it needs in toolOptions.{name}.allowedDomains"
        )
    matches = (MCP_TOOL.fullmatch(name) for name in tools)
    on_servers = sorted({f"the MCP server {match['server']}" for match in matches if match})
    readers = [name for name in tools if name in SERVER_TOOLS] + on_servers
    outlets = [name for name in unbounded if name == "WebFetch"] + on_servers
    for outlet in outlets:
        others = [name for name in readers if name != outlet]
        if others:
            yield (
                f"{definition.id}: what {', '.join(others)} read may make it use {outlet} in the same turn,"
                " at Claude's API, where nothing here can stop it; if one sees what is confidential, make"
                " two agents of it"
            )
    gated = definition.after_untrusted is not None
    acting = sorted(ACTING_TOOLS.intersection(tools))
    if readers and acting and not gated:
        yield (
            f"{definition.id} reads content from outside and may then use {', '.join(acting)}; if it need"
            " not, say so with afterUntrusted"
        )


def _allowed_domains(definition: AgentDefinition, tool: str) -> list[str] | None:
    options = definition.tool_options
    given = options.web_search if tool == "WebSearch" else options.web_fetch
    return given.allowed_domains if given is not None else None
