"""Tool definitions of the Messages API for what an agent is allowed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.agents.backend import HAS_MCP, HAS_SERVER_TOOLS, Backend
from a2a_tasks.domain.tools.catalog import MCP_TOOL, SERVER_TOOLS, McpServer

_CODE_EXECUTION = ("code_execution_20260521", "code_execution")
_SERVER_TOOLS = {
    "WebSearch": ("web_search_20260318", "web_search"),
    "WebFetch": ("web_fetch_20260318", "web_fetch"),
    "Bash": _CODE_EXECUTION,
    "CodeExecution": _CODE_EXECUTION,
}
"""Type and name in the API, in the versions that need no beta header."""


@dataclass
class UnknownMcpServer(Exception):
    """An agent is allowed tools of an MCP server that its project does not have."""

    name: str

    def __str__(self) -> str:
        return f"MCP server {self.name!r} is not in the project's registry"


def definitions(
    agent: AgentRevision, own: Mapping[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The tools that the agent's requests declare, and the MCP servers that they need.

    The order depends on the names only, so that agents with the same tools share a prompt cache.

    Args:
        agent: The agent's revision.
        own: Definitions of the tools that run here, by name.

    Raises:
        KeyError: ``own`` lacks an allowed tool.
    """
    # sorted, so that the same tools in another order share a prompt cache
    allowed = sorted(set(agent.allowed_tools))
    on_servers = _mcp_tools(allowed)
    served = [
        _server_tool(name, agent.tool_options.get(name, {})) for name in allowed if name in SERVER_TOOLS
    ]
    ours = [own[name] for name in allowed if name not in SERVER_TOOLS and not MCP_TOOL.fullmatch(name)]
    toolsets = [_toolset(server, tools) for server, tools in on_servers.items()]
    return _once_each([*served, *ours]) + toolsets, list(on_servers)


def resolved(names: Iterable[str], registered: Iterable[McpServer]) -> list[McpServer]:
    """The registered servers of these names. Raises ``UnknownMcpServer``."""
    by_name = {server.name: server for server in registered}
    try:
        return [by_name[name] for name in names]
    except KeyError as error:
        raise UnknownMcpServer(error.args[0]) from None


def servers_of(agent_tools: Iterable[str]) -> set[str]:
    """Names of the MCP servers that an agent's allowed tools need."""
    return set(_mcp_tools(agent_tools))


def unsupported(agent_tools: Iterable[str], backend: Backend) -> list[str]:
    """The agent's allowed tools that the backend does not have."""
    return [
        name
        for name in agent_tools
        if (name in SERVER_TOOLS and backend not in HAS_SERVER_TOOLS)
        or (MCP_TOOL.fullmatch(name) and backend not in HAS_MCP)
    ]


def _server_tool(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    tool_type, tool_name = _SERVER_TOOLS[name]
    given = {_snake_case(option): options[option] for option in sorted(options)}
    return {"type": tool_type, "name": tool_name} | given


def _mcp_tools(names: Iterable[str]) -> dict[str, list[str]]:
    """The tools by server, both in order."""
    parts = sorted((match["server"], match["tool"]) for name in names if (match := MCP_TOOL.fullmatch(name)))
    tools: dict[str, list[str]] = {}
    for server, tool in parts:
        tools.setdefault(server, []).append(tool)
    return tools


def _toolset(server: str, tools: Iterable[str]) -> dict[str, Any]:
    """The MCP toolset of a server, with only the allowed tools enabled, so that tools added later stay
    disabled."""
    return {
        "type": "mcp_toolset",
        "mcp_server_name": server,
        "default_config": {"enabled": False},
        "configs": {tool: {"enabled": True} for tool in tools},
    }


def _once_each(tools: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without repetitions: two allowed names may mean one tool, and the API rejects a repeated name."""
    return list({tool["name"]: tool for tool in tools}.values())


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
