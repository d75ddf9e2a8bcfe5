"""The tools that a request offers, validated as the real API validates them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.errors import ApiError
from local.standin.request.features import Features, unexpected_tag

_NAME = "^[a-zA-Z0-9_-]{1,128}$"
_CUSTOM_FIELDS = {
    "type",
    "name",
    "description",
    "input_schema",
    "cache_control",
    "strict",
    "defer_loading",
    "allowed_callers",
    "input_examples",
    "eager_input_streaming",
}
_MCP_SERVER_FIELDS = {"type", "name", "url", "authorization_token"}
_MCP_TOOLSET_FIELDS = {"type", "mcp_server_name", "default_config", "configs", "tools", "cache_control"}
# Client-side tools with a schema that the model was trained on.
_CLIENT_TOOLS = {
    "bash_20250124": "bash",
    "memory_20250818": "memory",
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
}
_SERVER_TOOLS = {
    "code_execution_20250522": "code_execution",
    "code_execution_20250825": "code_execution",
    "code_execution_20260120": "code_execution",
    "code_execution_20260521": "code_execution",
    "tool_search_tool_bm25_20251119": "tool_search_tool_bm25",
    "tool_search_tool_regex_20251119": "tool_search_tool_regex",
    "web_fetch_20250910": "web_fetch",
    "web_fetch_20260209": "web_fetch",
    "web_fetch_20260309": "web_fetch",
    "web_fetch_20260318": "web_fetch",
    "web_search_20250305": "web_search",
    "web_search_20260209": "web_search",
    "web_search_20260318": "web_search",
}
_MODELS_WITHOUT_FORCED_TOOLS = ("claude-opus-5-5", "claude-sonnet-5-5")


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that the API runs itself, by name; MCP toolsets by the name of their server."""

    server_tools: dict[str, dict[str, Any]]
    mcp_toolsets: dict[str, dict[str, Any]]

    @classmethod
    def from_body(cls, body: dict[str, Any], features: Features) -> "Toolbox":
        """Check `tools`, `tool_choice` and `mcp_servers`. Raises ApiError 400."""
        tools = body.get("tools") or []
        if not isinstance(tools, list):
            raise ApiError.invalid("tools: Input should be a valid list")
        servers = list(_check_mcp_servers(body.get("mcp_servers") or []))
        for index, tool in enumerate(tools):
            _check_tool(f"tools.{index}", tool, features)
        names = [tool["name"] for tool in tools if "name" in tool]
        if len(set(names)) < len(names):
            raise ApiError.invalid("tools: Tool names must be unique.")
        _check_toolsets(tools, servers)
        _check_tool_choice(body, names)
        return cls(
            {tool["name"]: tool for tool in tools if tool.get("type") in _SERVER_TOOLS},
            {tool["mcp_server_name"]: tool for tool in tools if tool.get("type") == "mcp_toolset"},
        )

    def offers_mcp_tool(self, server: str, name: str) -> bool:
        """Whether that tool of that MCP server is enabled."""
        toolset = self.mcp_toolsets.get(server)
        if toolset is None:
            return False
        config = (toolset.get("default_config") or {}) | ((toolset.get("configs") or {}).get(name) or {})
        return bool(config.get("enabled", True))


def _check_tool(place: str, tool: Any, features: Features) -> None:
    if not isinstance(tool, dict):
        raise ApiError.invalid(f"{place}: Input should be an object")
    match tool.get("type") or "custom":
        case "custom":
            _check_custom_tool(f"{place}.custom", tool)
        case "mcp_toolset" if features.mcp:
            _check_fields(f"{place}.mcp_toolset", tool, _MCP_TOOLSET_FIELDS)
            if not isinstance(tool.get("mcp_server_name"), str):
                raise ApiError.invalid(f"{place}.mcp_toolset.mcp_server_name: Field required")
        case str(kind) if kind in _CLIENT_TOOLS or (kind in _SERVER_TOOLS and features.server_tools):
            _check_known_tool(f"{place}.{kind}", tool, (_CLIENT_TOOLS | _SERVER_TOOLS)[kind])
        case kind:
            tags = (
                "custom",
                *_CLIENT_TOOLS,
                *(_SERVER_TOOLS if features.server_tools else ()),
                *(("mcp_toolset",) if features.mcp else ()),
            )
            raise unexpected_tag(place, kind, tags)


def _check_custom_tool(place: str, tool: dict[str, Any]) -> None:
    _check_fields(place, tool, _CUSTOM_FIELDS)
    name, schema = tool.get("name"), tool.get("input_schema")
    if not isinstance(name, str):
        raise ApiError.invalid(f"{place}.name: Field required")
    if not re.fullmatch(_NAME, name):
        raise ApiError.invalid(f"{place}.name: String should match pattern '{_NAME}'")
    if schema is None:
        raise ApiError.invalid(f"{place}.input_schema: Field required")
    if not isinstance(schema, dict):
        raise ApiError.invalid(f"{place}.input_schema: Input should be an object")
    if "type" not in schema:
        raise ApiError.invalid(f"{place}.input_schema.type: Field required")
    if schema["type"] != "object":
        raise ApiError.invalid(f"{place}.input_schema.type: Input should be 'object'")
    if not isinstance(tool.get("description", ""), str):
        raise ApiError.invalid(f"{place}.description: Input should be a valid string")


def _check_known_tool(place: str, tool: dict[str, Any], name: str) -> None:
    if tool.get("name") != name:
        raise ApiError.invalid(f"{place}.name: Input should be '{name}'")
    if tool.get("allowed_domains") and tool.get("blocked_domains"):
        raise ApiError.invalid(f"{place}: Only one of allowed_domains and blocked_domains may be given")
    most = tool.get("max_uses")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise ApiError.invalid(f"{place}.max_uses: Input should be greater than 0")


def _check_mcp_servers(servers: Any) -> Iterator[str]:
    if not isinstance(servers, list):
        raise ApiError.invalid("mcp_servers: Input should be a valid list")
    for index, server in enumerate(servers):
        place = f"mcp_servers.{index}"
        if not isinstance(server, dict) or server.get("type") != "url":
            raise ApiError.invalid(f"{place}.type: Input should be 'url'")
        _check_fields(place, server, _MCP_SERVER_FIELDS)
        for name in ("name", "url"):
            if not isinstance(server.get(name), str) or not server[name]:
                raise ApiError.invalid(f"{place}.{name}: Field required")
        if not server["url"].startswith("https://"):
            raise ApiError.invalid(f"{place}.url: URL must start with https://")
        yield server["name"]


def _check_toolsets(tools: list[dict[str, Any]], servers: list[str]) -> None:
    if len(set(servers)) < len(servers):
        raise ApiError.invalid("mcp_servers: MCP server names must be unique.")
    referenced = [tool["mcp_server_name"] for tool in tools if tool.get("type") == "mcp_toolset"]
    for name in referenced:
        if name not in servers:
            raise ApiError.invalid(
                f"MCP server '{name}' referenced by `mcp_toolset` is not in `mcp_servers`."
            )
        if referenced.count(name) > 1:
            raise ApiError.invalid(f"MCP server '{name}' is referenced by more than one `mcp_toolset`.")
    for name in servers:
        if name not in referenced:
            raise ApiError.invalid(
                f"MCP server '{name}' is defined but not referenced by any `mcp_toolset` in `tools`."
            )


def _check_tool_choice(body: dict[str, Any], names: list[str]) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in ("auto", "any", "tool", "none"):
        raise unexpected_tag("tool_choice", kind, ("auto", "any", "tool", "none"))
    if not body.get("tools"):
        raise ApiError.invalid("tool_choice: may only be specified while providing tools")
    if kind == "tool" and choice.get("name") not in names:
        raise ApiError.invalid(f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")
    if kind in ("any", "tool") and body["model"].endswith(_MODELS_WITHOUT_FORCED_TOOLS):
        raise ApiError.invalid(f"tool_choice: '{kind}' is not supported on {body['model']}")


def _check_fields(place: str, value: dict[str, Any], known: set[str]) -> None:
    for name in value:
        if name not in known:
            raise ApiError.invalid(f"{place}.{name}: Extra inputs are not permitted")
