"""Connection to Claude's API: clients and credentials."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anthropic

from a2a_tasks.adapters import clients, environment
from a2a_tasks.adapters.claude.backends import Client, client_for, needs_key
from a2a_tasks.adapters.secrets.secrets_manager import Secrets
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain.agents.backend import HAS_MCP, Backend
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.tools.catalog import McpServer
from a2a_tasks.ports.model import ModelRejected

KEY_REFUSED = 401
ROLE_REFUSED = frozenset({401, 403})
REFUSED = frozenset({400, 401, 403})
"""Status codes that other credentials may change. The API responds 400 if an MCP server rejects its token."""

type Call[T] = Callable[[Client, Mapping[str, str]], Awaitable[T]]
"""A call with a client and the MCP servers' tokens by the ARNs of their secrets."""


@dataclass(frozen=True)
class Credentials:
    """Credentials of one call: the API key, or None if it is signed with the function's role, and the MCP
    servers' tokens by the ARNs of their secrets."""

    key: str | None = field(repr=False)
    tokens: dict[str, str] = field(repr=False)


class ClaudeConnection:
    """Calls to one backend. Secrets are read again when the credentials are rejected, so that a rotation
    needs no restart.

    ``connect(key)`` creates a client; the key is None if calls are signed with the function's role.
    ``api_key(fresh)`` and ``token(arn, fresh)`` read a secret and may block; an empty string means that there
    is none.
    """

    def __init__(
        self,
        backend: Backend,
        connect: Callable[[str | None], Client],
        api_key: Callable[[bool], str],
        token: Callable[[str, bool], str],
    ) -> None:
        self.backend = backend
        self._connect = connect
        self._api_key = api_key
        self._token = token
        self._clients: dict[str | None, Client] = {}

    async def call[T](self, call: Call[T], servers: Sequence[McpServer] = ()) -> T:
        """Make a call that uses these MCP servers. It is retried once if its credentials were rejected and
        may have changed.

        Raises what the call raises, and ``ModelRejected`` if a credential is missing.
        """
        servers = servers if self.backend in HAS_MCP else ()
        key = await self._key(fresh=False) if needs_key(self.backend) else None
        carried = Credentials(key, await self._tokens(servers, fresh=False))
        try:
            return await call(self._client(carried.key), carried.tokens)
        except anthropic.APIStatusError as error:
            # a call with rejected credentials was not processed, so a retry pays for nothing twice
            renewed = await self._renewed(carried, error.status_code, servers)
            if renewed is None:
                raise
        return await call(self._client(renewed.key), renewed.tokens)

    async def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            await client.close()

    async def _renewed(
        self, carried: Credentials, status: int, servers: Sequence[McpServer]
    ) -> Credentials | None:
        """Credentials for the retry of a rejected call, or None.

        A call signed with a role is retried unchanged: its credentials may have been renewed in between.
        """
        if status not in REFUSED:
            return None
        key = carried.key
        if key is not None and status == KEY_REFUSED:
            key = await self._key(fresh=True)
        renewed = Credentials(key, await self._tokens(servers, fresh=True))
        if key is None and status in ROLE_REFUSED:
            return renewed
        # the same key would be rejected again
        return renewed if renewed != carried else None

    async def _key(self, *, fresh: bool) -> str:
        # in a thread: Secrets Manager may take seconds, and the event loop must keep renewing the lease
        key = await asyncio.to_thread(self._api_key, fresh)
        if not key:
            raise ModelRejected(
                FailureCode.AGENT_MISCONFIGURED,
                "No Claude API key is configured; the operator must put one into the deployment's secret.",
            )
        return key

    async def _tokens(self, servers: Sequence[McpServer], *, fresh: bool) -> dict[str, str]:
        tokens: dict[str, str] = {}
        for server in servers:
            if server.secret_arn is None:
                continue
            token = await asyncio.to_thread(self._token, server.secret_arn, fresh)
            if not token:
                raise ModelRejected(
                    FailureCode.AGENT_MISCONFIGURED,
                    f"The token of MCP server {server.name!r} is missing; the operator must put it into "
                    "the server's secret.",
                )
            tokens[server.secret_arn] = token
        return tokens

    def _client(self, key: str | None) -> Client:
        if key not in self._clients:
            try:
                # the client of the previous key stays open, because other tasks may be using it
                self._clients[key] = self._connect(key)
            except anthropic.AnthropicError as error:
                raise ModelRejected(
                    FailureCode.AGENT_MISCONFIGURED, f"The deployment names no way to Claude: {error}"
                ) from None
        return self._clients[key]


def connection_of_function() -> ClaudeConnection:
    """The connection configured by the function's environment. Raises ``Misconfigured``."""
    backend = Backend(environment.text("CLAUDE_BACKEND"))
    base_url = environment.optional("CLAUDE_BASE_URL")
    workspace_id = environment.optional("CLAUDE_WORKSPACE_ID")
    read_timeout_seconds = environment.integer("MODEL_READ_TIMEOUT_SECONDS")
    secrets = Secrets(clients.secretsmanager(), environment.text("CLAUDE_SECRET_ARN"), SystemClock())

    def connect(key: str | None) -> Client:
        return client_for(
            backend,
            key,
            base_url=base_url,
            workspace_id=workspace_id,
            read_timeout_seconds=read_timeout_seconds,
        )

    return ClaudeConnection(backend, connect, secrets.api_key, secrets.token)
