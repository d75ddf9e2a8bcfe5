"""The record of what came in: one entry for each POST /v1/messages."""

import hashlib
import json
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from local.standin.connection import HttpRequest
from local.standin.messages_request import MessagesRequest

_KEPT_REQUESTS = 2_000
_SECRET_HEADERS = ("authorization", "x-api-key")
_FIRST_TEXT_CHARACTERS = 200


@dataclass(slots=True)
class Call:
    """One call. Times are epoch seconds; what is not known (yet) is None.

    `step` counts from 1. `outcome` is `open`, `completed`, `error STATUS`, `error TYPE` (an error event in
    mid-stream), `cut` (ended or reset in mid-stream), `client_left`, or `failed` (a defect of the stand-in).
    """

    index: int
    request_id: str
    request_bytes: int
    request_sha256: str
    started_at: float
    first_byte_at: float | None = None
    ended_at: float | None = None
    outcome: str = "open"
    model: str | None = None
    conversation: str | None = None
    first_user_text: str | None = None
    messages_count: int | None = None
    step: int | None = None

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """A call as `GET /_standin/calls` lists it."""
        return cls(
            **{
                re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name): record[name]
                for name in record
            }
        )

    def to_json(self) -> dict[str, Any]:
        """The entry in `GET /_standin/calls`."""
        return {
            re.sub("_([a-z])", lambda letter: letter[1].upper(), name): value
            for name, value in asdict(self).items()
        }

    def describe(self, request: MessagesRequest) -> None:
        """Add what a valid request says."""
        self.model = request.model
        self.conversation = request.conversation
        self.first_user_text = request.first_user_text[:_FIRST_TEXT_CHARACTERS]
        self.messages_count = len(request.messages)

    def mark_first_byte(self) -> None:
        """The answer begins."""
        self.first_byte_at = time.time()


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it came in, its key redacted; `body` is None if it was no JSON."""

    path: str
    headers: dict[str, str]
    body: Any


class CallLog:
    """Every call since the start or the last reset, and the last 2,000 requests."""

    def __init__(self) -> None:
        self.open = 0
        self.max_open = 0
        self._calls: list[Call] = []
        self._requests: dict[int, HttpRequest] = {}

    def begin(self, http: HttpRequest, request_id: str) -> Call:
        """Record that a request has come in whole."""
        index = len(self._calls)
        call = Call(index, request_id, len(http.body), hashlib.sha256(http.body).hexdigest(), time.time())
        self._calls.append(call)
        self._requests[index] = http
        self._requests.pop(index - _KEPT_REQUESTS, None)
        self.open += 1
        self.max_open = max(self.max_open, self.open)
        return call

    def end(self, call: Call, outcome: str) -> None:
        """Record how a call ended; only the first outcome counts."""
        if call.ended_at is None:
            call.ended_at = time.time()
            call.outcome = outcome
            self.open -= 1

    def since(self, index: int) -> Iterable[Call]:
        """The calls from that index on."""
        return self._calls[max(0, index) :]

    def request(self, index: int) -> RecordedRequest | None:
        """The request of a call, None if there is none or it is no longer kept."""
        http = self._requests.get(index)
        if http is None:
            return None
        headers = http.headers | {name: "[redacted]" for name in _SECRET_HEADERS if name in http.headers}
        try:
            body = json.loads(http.body)
        except ValueError:
            body = None
        return RecordedRequest(http.path, headers, body)

    def reset(self) -> None:
        """Forget every call; those still open go on and count as open."""
        self._calls.clear()
        self._requests.clear()
        self.max_open = self.open
