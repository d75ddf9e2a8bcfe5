"""Results of the tools that the API runs itself: invented, in the form of the real results."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from local.standin.errors import ApiError
from local.standin.files import files_of
from local.standin.request.blocks import ToolCall, ToolOutput
from local.standin.request.tools import Toolbox
from local.standin.step import UseMcpTool, UseServerTool

_CONTAINER_LIFETIME = timedelta(hours=1)
# A block with the second name is offered by the tool with the first.
_OFFERED_BY = {
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code_execution",
    "bash_code_execution": "code_execution",
}


def run_server_tool(call: UseServerTool, toolbox: Toolbox, organization: str) -> tuple[ToolCall, ToolOutput]:
    """The call and its result. Raises ApiError 400 if the request does not offer the tool."""
    tool = toolbox.server_tools.get(_OFFERED_BY.get(call.name, ""))
    if tool is None:
        raise _not_offered(call.name)
    block = ToolCall("server_tool_use", call.name, call.input, f"srvtoolu_{secrets.token_hex(12)}")
    result = {
        "type": f"{call.name}_tool_result",
        "tool_use_id": block.id,
        "content": _result(call, tool, organization),
    }
    return block, ToolOutput(result)


def run_mcp_tool(call: UseMcpTool, toolbox: Toolbox) -> tuple[ToolCall, ToolOutput]:
    """The call and its result. Raises ApiError 400 if the request does not offer the tool."""
    if not toolbox.offers_mcp_tool(call.server, call.name):
        raise _not_offered(f"{call.server}.{call.name}")
    identity = f"mcptoolu_{secrets.token_hex(12)}"
    text = f"The stand-in called {call.name} of {call.server}."
    return ToolCall("mcp_tool_use", call.name, call.input, identity, call.server), ToolOutput(
        {
            "type": "mcp_tool_result",
            "tool_use_id": identity,
            "is_error": False,
            "content": [{"type": "text", "text": text}],
        }
    )


def container_of(calls: list[ToolCall], container: str | None) -> dict[str, Any] | None:
    """The container that code ran in: the one named in the request, or a new one; None if no code ran."""
    if all(
        _OFFERED_BY.get(call.name) != "code_execution" for call in calls if call.type == "server_tool_use"
    ):
        return None
    expires_at = datetime.now(UTC) + _CONTAINER_LIFETIME
    return {
        "id": container or f"container_{secrets.token_hex(12)}",
        "expires_at": expires_at.isoformat().replace("+00:00", "Z"),
    }


def _result(call: UseServerTool, tool: dict[str, Any], organization: str) -> Any:
    domain = next(iter(tool.get("allowed_domains") or ["example.com"]))
    match call.name:
        case "web_search":
            page = {
                "type": "web_search_result",
                "url": f"https://{domain}/",
                "title": f"What the stand-in found for {call.input.get('query', '')!r}",
                "encrypted_content": secrets.token_urlsafe(24),
                "page_age": None,
            }
            return [page]
        case "web_fetch":
            source = {"type": "text", "media_type": "text/plain", "data": "The stand-in fetched this page."}
            return {
                "type": "web_fetch_result",
                "url": str(call.input.get("url", f"https://{domain}/")),
                "content": {"type": "document", "source": source, "title": "A page"},
                "retrieved_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            }
        case _:
            return {
                "type": f"{call.name}_result",
                "stdout": "The stand-in ran nothing.\n",
                "stderr": "",
                "return_code": 0,
                "content": [
                    {"type": f"{call.name}_output", "file_id": file.id}
                    for file in files_of(call.input, organization)
                ],
            }


def _not_offered(name: str) -> ApiError:
    return ApiError.invalid(f"The stand-in's directive calls {name}, which the request does not offer.")
