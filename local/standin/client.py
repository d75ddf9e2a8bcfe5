"""Reading what a stand-in has seen, from another thread or process."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from local.standin.calls import Call, RecordedRequest

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many calls are open now, and the most that were open at the same time."""

    open: int
    max_open: int


class StandInClient:
    """The routes under `/_standin/` of the stand-in at `base_url`.

    Every method raises OSError where nothing answers, and LookupError where the stand-in says no.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def calls(self, since: int = 0) -> list[Call]:
        """The calls from that index on, oldest first."""
        listing = self._fetch("GET", f"calls?since={since}")
        return [Call.from_json(record) for record in listing["calls"]]

    def concurrency(self) -> Concurrency:
        """The calls that are open, now and at most since the last reset."""
        listing = self._fetch("GET", f"calls?since={2**31}")
        return Concurrency(listing["open"], listing["maxOpen"])

    def requests(self, index: int) -> RecordedRequest:
        """The request of the call with that index; the last 2,000 are kept."""
        return RecordedRequest(**self._fetch("GET", f"requests/{index}"))

    def reset(self) -> None:
        """Forget calls, conversations and the simulated prompt cache."""
        self._fetch("POST", "reset")

    def check_health(self) -> None:
        """Return if the stand-in answers."""
        self._fetch("GET", "health")

    def _fetch(self, method: str, path: str) -> dict[str, Any]:
        url = urlsplit(self.base_url)
        # http.client on purpose: urllib would send requests for 127.0.0.1 through a configured proxy.
        connection = HTTPConnection(url.hostname or "", url.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, f"/_standin/{path}", headers={"Connection": "close"})
            response = connection.getresponse()
            body: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise LookupError(body["error"]["message"])
        return body
