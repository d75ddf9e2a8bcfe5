"""Requests of the Messages API, by backend."""

from collections.abc import Mapping
from typing import Any

from a2a_tasks.domain.agents.backend import HAS_CONTEXT_MANAGEMENT, HAS_MCP, Backend
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.model import ModelRequest, Prompt

MCP_BETA = "mcp-client-2026-09-15"
"""The version that returns the servers' tool listings as blocks and accepts them back. Otherwise a listing
that changes during a task would change what thinking is bound to."""
CONTEXT_EDITS = (
    ("clear_tool_uses_20250919", "context-management-2025-06-27"),
    ("compact_20260112", "compact-2026-01-12"),
)
"""Context management in order of preference, with the beta of each."""
EPHEMERAL = {"type": "ephemeral"}
_NOT_CACHEABLE = frozenset({"thinking", "redacted_thinking"})


def parameters(request: ModelRequest, backend: Backend, tokens: Mapping[str, str]) -> dict[str, Any]:
    """The request's body without ``stream``. ``tokens`` are those of the MCP servers by the ARNs of their
    secrets."""
    prompt = request.prompt
    body: dict[str, Any] = {
        "model": prompt.model,
        "max_tokens": request.max_tokens,
        "messages": request.messages,
    }
    if prompt.system:
        body["system"] = prompt.system
    if prompt.tools:
        body["tools"] = prompt.tools
    if request.mcp_servers and backend in HAS_MCP:
        body["mcp_servers"] = [_mcp_server(server, tokens) for server in request.mcp_servers]
    if output_config := _output_config(prompt):
        body["output_config"] = output_config
    if prompt.thinking is not None:
        body["thinking"] = prompt.thinking
    if prompt.fallbacks is not None:
        body["fallbacks"] = prompt.fallbacks
    if request.container is not None:
        body["container"] = request.container
    if _manages_context(prompt, backend):
        body["context_management"] = {"edits": [{"type": edit} for edit, _ in CONTEXT_EDITS]}
    return body | _caching(request, backend)


def betas(prompt: Prompt, backend: Backend) -> list[str]:
    """The beta features that the request needs."""
    needed = [MCP_BETA] if prompt.mcp_servers and backend in HAS_MCP else []
    needed += [beta for _, beta in CONTEXT_EDITS] if _manages_context(prompt, backend) else []
    return needed + prompt.betas


def headers(prompt: Prompt, backend: Backend) -> dict[str, str]:
    """Headers in addition to the SDK's own."""
    needed = betas(prompt, backend)
    return {"anthropic-beta": ",".join(needed)} if needed else {}


def _manages_context(prompt: Prompt, backend: Backend) -> bool:
    return prompt.manages_context and backend in HAS_CONTEXT_MANAGEMENT


def _mcp_server(server: McpServer, tokens: Mapping[str, str]) -> dict[str, Any]:
    definition = {"type": "url", "name": server.name, "url": server.url}
    if server.secret_arn is None:
        return definition
    return definition | {"authorization_token": tokens[server.secret_arn]}


def _output_config(prompt: Prompt) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if prompt.output_schema is not None:
        config["format"] = {"type": "json_schema", "schema": prompt.output_schema}
    if prompt.effort is not None:
        config["effort"] = prompt.effort
    return config


def _caching(request: ModelRequest, backend: Backend) -> dict[str, Any]:
    """Cache everything up to the end of the conversation.

    Bedrock does not accept the marker at the top level, which moves automatically (Anthropic's prompt caching
    guide, "Edge cases"), so it is set on the last block, in a copy of that message.
    """
    if backend is not Backend.BEDROCK:
        return {"cache_control": EPHEMERAL}
    *earlier, last = request.messages
    blocks = last["content"]
    if isinstance(blocks, str):
        blocks = [{"type": "text", "text": blocks}]
    # the API accepts no cache marker there, so this turn has none
    if blocks[-1]["type"] in _NOT_CACHEABLE:
        return {}
    marked = [*blocks[:-1], blocks[-1] | {"cache_control": EPHEMERAL}]
    return {"messages": [*earlier, last | {"content": marked}]}
