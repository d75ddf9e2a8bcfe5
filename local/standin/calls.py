"""The record of requests: one entry for each message requested, alone or in a batch."""

import hashlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

from local.doubles.connection import HttpRequest
from local.standin.request.messages_request import MessagesRequest

_KEPT_REQUESTS = 2_000
_KEPT_REQUEST_BYTES = 256 * 1024 * 1024
_SECRET_HEADERS = ("authorization", "x-api-key", "x-amz-security-token")
_FIRST_TEXT_CHARACTERS = 200
_SEARCHED_TEXT_CHARACTERS = 2_000


@dataclass(slots=True)
class Call:
    """One call. Times are epoch seconds; values not known (yet) are None.

    `step` counts from 1. `outcome` is `open`, `completed`, `error STATUS`, `error TYPE` (an error event in
    mid-stream), `cut` (ended or reset in mid-stream), `client_left`, `expired` (in a batch), or `failed` (a
    defect of the stand-in). `authorization` is the scheme: `bearer`, `x-api-key` or `sigv4:SERVICE`. `usage`
    is the last that was sent.
    """

    index: int
    request_id: str
    path: str
    request_bytes: int
    request_sha256: str
    started_at: float
    first_byte_at: float | None = None
    ended_at: float | None = None
    outcome: str = "open"
    api_version: str | None = None
    beta: str | None = None
    backend: str | None = None
    authorization: str | None = None
    model: str | None = None
    conversation: str | None = None
    first_user_text: str | None = None
    messages_count: int | None = None
    step: int | None = None
    usage: dict[str, Any] | None = None
    custom_id: str | None = None

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

    def mark_first_byte(self) -> None:
        """The response begins."""
        self.first_byte_at = time.time()


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as received, its key redacted; `body` is None if it was not JSON."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many calls are open now, and the maximum that were open at the same time."""

    open: int
    max_open: int


class CallLog:
    """Every call since the start or the last reset, and the last 2,000 requests, of 256 MiB at most."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._changes: list[tuple[Call, int]] = []
        self._requests: OrderedDict[int, HttpRequest] = OrderedDict()
        self._request_bytes = 0
        self._first_texts: dict[str, str] = {}

    def begin(self, http: HttpRequest, request_id: str, custom_id: str | None = None) -> Call:
        """Record a completely received request; one from a batch is never open."""
        call = Call(
            index=len(self._calls),
            request_id=request_id,
            path=http.path,
            request_bytes=len(http.body),
            request_sha256=hashlib.sha256(http.body).hexdigest(),
            started_at=time.time(),
            api_version=http.headers.get("anthropic-version"),
            beta=http.headers.get("anthropic-beta"),
            custom_id=custom_id,
        )
        self._calls.append(call)
        self._keep(call.index, http)
        if custom_id is None:
            self._changes.append((call, 1))
        return call

    def describe(self, call: Call, request: MessagesRequest) -> None:
        """Add the contents of a valid request."""
        text = request.first_user_text
        call.model = request.model
        call.conversation = request.conversation
        call.first_user_text = text[:_FIRST_TEXT_CHARACTERS]
        call.messages_count = len(request.messages)
        self._first_texts[request.conversation] = text[:_SEARCHED_TEXT_CHARACTERS]

    def end(self, call: Call, outcome: str) -> None:
        """Record how a call ended; only the first outcome counts."""
        if call.ended_at is None:
            call.ended_at = time.time()
            call.outcome = outcome
            if call.custom_id is None:
                self._changes.append((call, -1))

    def find(self, since: int, marker: str) -> Iterator[Call]:
        """The calls from that index on whose first user text contains the marker in its first 2,000
        characters."""
        return (call for call in self._calls[max(0, since) :] if self._has(call, marker))

    def concurrency(self, marker: str) -> Concurrency:
        """How many of the calls with that marker are open now, and the maximum."""
        now = most = 0
        for call, change in self._changes:
            if self._has(call, marker):
                now += change
                most = max(most, now)
        return Concurrency(now, most)

    def request(self, index: int) -> RecordedRequest | None:
        """The request of a call; None if there is none or it is no longer stored."""
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
        """Forget every call; open ones continue and still count as open."""
        self._changes = [(call, 1) for call, change in self._changes if change == 1 and call.ended_at is None]
        self._calls.clear()
        self._requests.clear()
        self._request_bytes = 0
        kept = {call.conversation for call, _ in self._changes}
        self._first_texts = {key: text for key, text in self._first_texts.items() if key in kept}

    def _has(self, call: Call, marker: str) -> bool:
        return not marker or marker in self._first_texts.get(call.conversation or "", "")

    def _keep(self, index: int, http: HttpRequest) -> None:
        self._requests[index] = http
        self._request_bytes += len(http.body)
        while len(self._requests) > _KEPT_REQUESTS or (
            self._request_bytes > _KEPT_REQUEST_BYTES and len(self._requests) > 1
        ):
            _, dropped = self._requests.popitem(last=False)
            self._request_bytes -= len(dropped.body)
