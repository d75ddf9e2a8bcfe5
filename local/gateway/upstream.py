"""The emulator's gateway, to which every request goes first."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from local.gateway.event_function import EVENT_HEADER

# Of one connection (RFC 9110, section 7.6.1), and what is told anew of the next one.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"content-length", "expect"}
)
TIMEOUT_SECONDS = 120.0
"""Of one read. Functions end within half of that; on a busy machine they take long to start."""

type Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """`event` is what the function is to be called with, where it streams; then nothing else matters."""

    status: int
    headers: Headers
    body: bytes

    @property
    def event(self) -> dict[str, Any] | None:
        if not any(name.lower() == EVENT_HEADER for name, _ in self.headers):
            return None
        event: dict[str, Any] = json.loads(self.body)
        return event


def ask(api_url: str, method: str, target: str, headers: Headers, body: bytes) -> Answer:
    """Send a request on, `target` below the API's address. Raises OSError or HTTPException where the emulator
    does not answer, and ValueError for what is not HTTP."""
    url = urlsplit(api_url)
    # a new connection: the emulator closes one that is idle, and a request on it would have to be sent again
    connection = HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.putrequest(method, url.path + target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                connection.putheader(name, value.encode("latin-1"))
        if body or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        return Answer(response.status, kept, response.read())
    finally:
        connection.close()
