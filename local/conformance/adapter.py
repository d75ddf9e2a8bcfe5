"""The proxy that the kit talks to: it adds to requests what the kit cannot send.

The kit sends no credentials, and steers its agent by message ids, which no model sees. The proxy adds the API
key, and to each message a part with the stand-in's directive. Everything else passes unchanged, except
the API's address in an agent card, which becomes the proxy's.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from local.conformance.scenarios import directive_of
from local.doubles.connection import Connection, HttpRequest, answer_all
from local.doubles.running import in_thread

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 60.0
UNLIMITED = httpx.Limits(max_connections=None)
_OF_ONE_CONNECTION = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True)
class Adapter:
    """``api_url`` is the stack's, without a slash at the end; ``directives`` are by prefix of message ids."""

    client: httpx.AsyncClient
    api_url: str
    key: str
    directives: Mapping[str, str]

    async def answer(self, connection: Connection, http: HttpRequest) -> None:
        headers = _passed(http.headers)
        headers |= {"authorization": f"Bearer {self.key}", "accept-encoding": "identity"}
        address = self.api_url + http.path
        async with self.client.stream(
            http.method, address, params=http.query, headers=headers, content=self._steered(http.body)
        ) as response:
            await self._pass_on(connection, response, http.headers.get("host", ""))

    async def _pass_on(self, connection: Connection, response: httpx.Response, host: str) -> None:
        headers = _passed(response.headers)
        content_type = headers.pop("content-type", "")
        if content_type.startswith("text/event-stream"):
            await connection.start_stream(headers, b": proxied\n\n")
            async for piece in response.aiter_raw():
                await connection.send_chunk(piece)
            await connection.end_stream()
            return
        body = (await response.aread()).replace(self.api_url.encode(), f"http://{host}".encode())
        await connection.send(response.status_code, content_type, body, headers)

    def _steered(self, body: bytes) -> bytes:
        """The request with a directive added to its message, if it has one."""
        try:
            document = json.loads(body)
        except ValueError:
            return body
        if not isinstance(document, dict):
            return body
        message = document.get("message") or _object(document.get("params")).get("message")
        message_id, parts = _object(message).get("messageId"), _object(message).get("parts")
        if not isinstance(message_id, str) or not isinstance(parts, list) or not parts:
            return body
        parts.append({"text": directive_of(message_id, self.directives)})
        return json.dumps(document).encode()


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _OF_ONE_CONNECTION}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


@contextmanager
def running_adapter(api_url: str, key: str, directives: Mapping[str, str]) -> Iterator[str]:
    """The proxy's address, for the length of the block."""

    @asynccontextmanager
    async def serving(host: str, port: int) -> AsyncIterator[int]:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=UNLIMITED, trust_env=False) as client:
            adapter = Adapter(client, api_url, key, directives)

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await answer_all(reader, writer, adapter.answer)

            server = await asyncio.start_server(serve, host, port)
            async with server:
                yield server.sockets[0].getsockname()[1]

    with in_thread("conformance", serving, HOST, 0) as port:
        yield f"http://{HOST}:{port}"
