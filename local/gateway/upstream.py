"""The emulator's gateway, which receives every request first."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from local.gateway.event_function import EVENT_HEADER

# Hop-by-hop headers (RFC 9110, section 7.6.1), and those that are set anew for the next hop.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"content-length", "expect"}
)
TIMEOUT_SECONDS = 120.0
"""Of one read. Functions end within half of that; on a busy machine they are slow to start."""

type Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """`event` is the function's event if the route streams; then the other fields are unused."""

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
    """Forward a request, `target` below the API's address. Raises OSError or HTTPException if the emulator
    does not answer, and ValueError if its response is not HTTP."""
    url = urlsplit(api_url)
    # a new connection: the emulator closes idle ones, and a request sent on one would have to be repeated
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
