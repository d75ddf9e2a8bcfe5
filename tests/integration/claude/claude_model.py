"""The model under test, with the real SDK, on a server of the tests."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.adapters.claude.backends import Client, client_for
from a2a_tasks.adapters.claude.connection import ClaudeConnection
from a2a_tasks.adapters.claude.model import ClaudeModel
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.model import Draft, ModelReply, ModelRequest, Prompt

REGION = "eu-central-1"
KEY = "sk-ant-the-key-of-the-tests"


@dataclass
class Secrets:
    """What the operator has stored: the API's key, and MCP servers' tokens by ARN. What was cached is given
    until somebody asks for it ``fresh``; ``reads`` are (ARN or "key", fresh)."""

    key: str = KEY
    tokens: dict[str, str] = field(default_factory=dict)
    cached: dict[str, str] = field(default_factory=dict)
    reads: list[tuple[str, bool]] = field(default_factory=list)

    def api_key(self, fresh: bool) -> str:
        return self._read("key", self.key, fresh)

    def token(self, arn: str, fresh: bool) -> str:
        return self._read(arn, self.tokens.get(arn, ""), fresh)

    def _read(self, name: str, current: str, fresh: bool) -> str:
        self.reads.append((name, fresh))
        if fresh or name not in self.cached:
            self.cached[name] = current
        return self.cached[name]


@dataclass
class Opened:
    """A model whose connections are closed when the block ends."""

    model: ClaudeModel
    clients: list[Client]

    async def turn(self, request: ModelRequest, draft: Draft | None = None) -> ModelReply:
        return await self.model.turn(request, Draft() if draft is None else draft)


def run[T](
    work: Callable[[Opened], Awaitable[T]],
    base_url: str | None,
    *,
    backend: Backend = Backend.CLAUDE_API,
    secrets: Secrets | None = None,
    region: str = REGION,
    workspace_id: str | None = "wrkspc_1",
    read_timeout_seconds: float = 10.0,
) -> T:
    """Do the work with a model of that backend, in a loop of its own."""
    stored = secrets or Secrets()
    clients: list[Client] = []

    def connect(key: str | None) -> Client:
        client = client_for(
            backend,
            key,
            base_url=base_url,
            region=region,
            workspace_id=workspace_id,
            read_timeout_seconds=read_timeout_seconds,
        )
        clients.append(client)
        return client

    async def main() -> T:
        connection = ClaudeConnection(backend, connect, stored.api_key, stored.token)
        model = ClaudeModel(connection, SystemClock())
        try:
            return await work(Opened(model, clients))
        finally:
            for client in clients:
                await client.close()

    return asyncio.run(main())


def turn(
    request: ModelRequest, base_url: str | None, draft: Draft | None = None, **options: Any
) -> ModelReply:
    """One turn."""
    return run(lambda opened: opened.turn(request, draft), base_url, **options)


def asked(
    text: str = "[[standin: say=done]]",
    *more: dict[str, Any],
    model: str = "claude-sonnet-5-5",
    container: str | None = None,
    max_tokens: int = 1_000,
    mcp_servers: Sequence[McpServer] = (),
    **prompt: Any,
) -> ModelRequest:
    """A request that begins with this text; ``more`` are the messages after it."""
    names = [server.name for server in mcp_servers]
    prompt = {"system": "Be brief.", "mcp_servers": names} | prompt
    messages = [user({"type": "text", "text": text}), *more]
    return ModelRequest(Prompt(model, **prompt), messages, max_tokens, container, mcp_servers)


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(blocks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def result_of(tool_use: dict[str, Any], content: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": tool_use["id"], "content": content}
