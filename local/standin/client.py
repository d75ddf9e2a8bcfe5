"""Reads the stand-in's records and controls its behaviour, from another thread or process."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from local.standin.calls import Call, Concurrency, RecordedRequest

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch that was created, even if its response was lost or it was deleted; `status` as in the API."""

    id: str
    status: str
    custom_ids: list[str]
    is_answered: bool
    is_deleted: bool


class StandInClient:
    """The routes under `/_standin/` of the stand-in at `base_url`.

    A `marker` selects the calls whose first user text contains it in its first 2,000 characters; all if
    empty. Every method raises OSError if the stand-in is unreachable, and LookupError if it refuses.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def calls(self, since: int = 0, marker: str = "") -> list[Call]:
        """The calls from that index on, oldest first; a batch's request at the time it was processed."""
        listing = self._fetch("GET", f"calls?{urlencode({'since': since, 'marker': marker})}")
        return [Call.from_json(record) for record in listing["calls"]]

    def concurrency(self, marker: str = "") -> Concurrency:
        """The open calls, now and at most since the last reset; those of batches are not counted."""
        listing = self._fetch("GET", f"concurrency?{urlencode({'marker': marker})}")
        return Concurrency(listing["open"], listing["maxOpen"])

    def requests(self, index: int) -> RecordedRequest:
        """The request of the call with that index; the last 2,000 are stored, of 256 MiB at most."""
        return RecordedRequest(**self._fetch("GET", f"requests/{index}"))

    def bodies(self, marker: str) -> list[Any]:
        """The request bodies of the calls with that marker, oldest first."""
        return [self.requests(call.index).body for call in self.calls(marker=marker)]

    def batches(self) -> list[BatchRecord]:
        """Every batch that was created, oldest first."""
        return [BatchRecord(**record) for record in self._fetch("GET", "batches")["batches"]]

    def answer_unscripted_after(self, milliseconds: int) -> None:
        """Set how long the answer to a message without steps takes. Initially 2,000, so that a person sees it
        stream."""
        self._fetch("POST", f"unscripted/{milliseconds}")

    def hold_batches(self) -> None:
        """Let no batch end, neither those in progress nor new ones; cancelling does not end them either."""
        self._fetch("POST", "batches/hold")

    def release_batches(self) -> None:
        """End every batch now, and stop holding."""
        self._fetch("POST", "batches/release")

    def end_batches_after(self, seconds: float) -> None:
        """Set how long after its creation a new batch ends; 1 s by default."""
        self._fetch("POST", f"batches/end-after/{round(seconds * 1_000)}")

    def lose_next_batch_answer(self) -> None:
        """Create the next batch, but reset its connection before the response."""
        self._fetch("POST", "batches/lose-next-answer")

    def refuse_batches(self, status: int, text: str = "") -> None:
        """Refuse each creation of a batch that has this text in a request; if empty, every one."""
        self._fetch("POST", f"batches/refuse?{urlencode({'status': status, 'text': text})}")

    def accept_batches(self) -> None:
        """Stop refusing creations."""
        self._fetch("POST", "batches/accept")

    def reset(self) -> None:
        """Forget calls, conversations, batches and the simulated prompt cache; stop holding, losing and
        refusing. Messages without steps are answered as at the start."""
        self._fetch("POST", "reset")

    def check_health(self) -> None:
        """Returns if the stand-in answers."""
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
