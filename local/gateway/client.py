"""The client of one request, which may disconnect at any time."""

import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

MAX_BODY_BYTES = 10 * 1024 * 1024
"""Of a request (Amazon API Gateway Developer Guide, quotas for REST APIs)."""
DRAINED_BYTES = 10 * MAX_BODY_BYTES
"""Read of a body that is too large, so that the client reads the response before the connection closes."""
PIECE_BYTES = 64 * 1024
BODILESS = (204, 304)
# The length of a streamed response is not known, and the gateway controls the connection.
REPLACED = frozenset({"content-length", "transfer-encoding", "connection"})


class TooLarge(Exception):
    """The body exceeds API Gateway's limit."""


class Client:
    """Reads the body of a request and writes the response. Writes to a disconnected client are dropped."""

    def __init__(self, http: BaseHTTPRequestHandler) -> None:
        self._http = http
        self.has_left = False

    def body(self) -> bytes:
        """The whole body. Raises TooLarge; ValueError for an invalid length or chunk."""
        if self._http.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked_body()
        length = int(self._http.headers.get("Content-Length") or 0)
        if length < 0:
            raise ValueError(length)
        if length > MAX_BODY_BYTES:
            self._drain(length)
            raise TooLarge
        return self._http.rfile.read(length)

    def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send a whole response."""
        self._send_head(status, headers)
        if self._http.command != "HEAD" and status not in BODILESS:
            self._http.send_header("Content-Length", str(len(body)))
        else:
            body = b""
        self._attempt(self._http.end_headers)
        self._write(body)

    def start_stream(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a streamed response."""
        self._send_head(status, [each for each in headers if each[0].lower() not in REPLACED])
        self._http.send_header("Transfer-Encoding", "chunked")
        self._attempt(self._http.end_headers)

    def send_piece(self, data: bytes) -> None:
        if data:
            self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self) -> None:
        self._write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Close the connection in the middle of a stream."""
        self.has_left = True
        self._http.close_connection = True
        try:
            self._http.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _send_head(self, status: int, headers: list[tuple[str, str]]) -> None:
        self._http.send_response_only(status)
        for name, value in headers:
            self._http.send_header(name, value)

    def _chunked_body(self) -> bytes:
        body = bytearray()
        while size := int(self._http.rfile.readline(), 16):
            body += self._http.rfile.read(size)
            self._http.rfile.readline()
            if len(body) > MAX_BODY_BYTES:
                self._http.close_connection = True
                raise TooLarge
        while self._http.rfile.readline().strip():
            pass  # trailers
        return bytes(body)

    def _drain(self, length: int) -> None:
        if length > DRAINED_BYTES:
            self._http.close_connection = True
        left = min(length, DRAINED_BYTES)
        while left and (data := self._http.rfile.read(min(left, PIECE_BYTES))):
            left -= len(data)

    def _write(self, data: bytes) -> None:
        self._attempt(lambda: self._http.wfile.write(data))

    def _attempt(self, write: Callable[[], Any]) -> None:
        if self.has_left:
            return
        try:
            write()
        except OSError:  # also a timeout: a client that does not read
            self.has_left = True
            self._http.close_connection = True
