"""One HTTP/1.1 connection of a client."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_BODY_BYTES = 32 * 1024 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_READ_BYTES = 256 * 1024


class ClientLeft(Exception):
    """The client closed the connection before its response was complete."""


class MalformedRequest(Exception):
    """The input is not HTTP/1.1, or too large."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request with its whole body; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to reuse the connection."""
        return self.headers.get("connection", "").lower() != "close"


class Connection:
    """Reads requests and writes responses, whole or in chunks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._received = bytearray()

    async def read_request(self) -> HttpRequest | None:
        """The next request; None once the client has closed the connection. Raises MalformedRequest."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if len(self._received) > _MAX_HEAD_BYTES:
                raise MalformedRequest
            if not await self._receive():
                return None
        head = bytes(self._received[:end]).decode("latin-1")
        del self._received[: end + 4]
        request_line, *lines = head.split("\r\n")
        try:
            method, target, _ = request_line.split(" ")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            length = int(headers.get("content-length", "0"))
        except ValueError:
            raise MalformedRequest from None
        if not 0 <= length <= MAX_BODY_BYTES or "transfer-encoding" in headers:
            raise MalformedRequest
        while len(self._received) < length:
            if not await self._receive():
                return None
        body = bytes(self._received[:length])
        del self._received[:length]
        url = urlsplit(target)
        return HttpRequest(method, url.path, dict(parse_qsl(url.query)), headers, body)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Cancel the block as soon as the client closes the connection. Raises ClientLeft."""
        left = False
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._wait_until_left())
                yield
                watch.cancel()
        except* (ClientLeft, ConnectionError):
            left = True
        if left:
            raise ClientLeft

    async def send_json(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        """Send a JSON object as a whole response."""
        payload = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        await self.send(status, "application/json", payload, headers)

    async def send(self, status: int, content_type: str, payload: bytes, headers: dict[str, str]) -> None:
        """Send a whole response."""
        fields = {"content-type": content_type, "content-length": str(len(payload))} | headers
        await self._write(_head(status, fields) + payload)

    async def start_stream(self, headers: dict[str, str], data: bytes) -> None:
        """Send the head of an event stream together with its first bytes."""
        fields = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "transfer-encoding": "chunked",
        }
        await self._write(_head(200, fields | headers) + (_chunk(data) if data else b""))

    async def send_chunk(self, data: bytes) -> None:
        """Send another part of the stream."""
        await self._write(_chunk(data))

    async def end_stream(self, data: bytes = b"") -> None:
        """Send the last bytes of the stream and its regular end in one write."""
        await self._write((_chunk(data) if data else b"") + b"0\r\n\r\n")

    def reset(self) -> None:
        """Abort the connection with a TCP reset."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        # Closing with a linger time of zero sends RST instead of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection regularly."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return

    async def _receive(self) -> bool:
        data = await self._reader.read(_READ_BYTES)
        self._received += data
        return bool(data)

    async def _wait_until_left(self) -> None:
        # Only reading detects a client that disconnects while there is nothing to write to it.
        while await self._receive():
            pass
        raise ClientLeft

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


def _head(status: int, fields: dict[str, str]) -> bytes:
    reason = HTTPStatus(status).phrase if status in HTTPStatus else "Overloaded"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def answer_all(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Callable[[Connection, HttpRequest], Awaitable[None]],
) -> None:
    """Answer one client's requests until it disconnects."""
    connection = Connection(reader, writer)
    try:
        while (http := await connection.read_request()) is not None:
            async with connection.watched():
                await answer(connection, http)
            if not http.keeps_alive:
                break
    except (ClientLeft, MalformedRequest, ConnectionError):
        pass
    finally:
        await connection.close()
