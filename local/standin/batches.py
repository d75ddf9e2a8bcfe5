"""Message Batches: requests that are answered later, each by its own directive.

https://platform.claude.com/docs/en/api/messages/batches
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from local.doubles.connection import HttpRequest
from local.standin.calls import CallLog
from local.standin.conversation import Conversations, steps_of
from local.standin.errors import ApiError
from local.standin.replies import events
from local.standin.request.features import Features
from local.standin.request.messages_request import MessagesRequest

DEFAULT_SECONDS = 1.0
_LIFETIME_SECONDS = 24 * 3_600
_CUSTOM_ID = "^[a-zA-Z0-9_-]{1,64}$"
_LONGEST_PAGE = 1_000
_OUTCOMES = ("succeeded", "errored", "canceled", "expired")


@dataclass(slots=True)
class Entry:
    """One request of a batch. `due_at`: when it is processed, None for when the batch ends; epoch seconds."""

    custom_id: str
    params: dict[str, Any]
    due_at: float | None
    result: dict[str, Any] | None = None


@dataclass(slots=True)
class Batch:
    """A batch; times are epoch seconds. `http` is the request that created it."""

    http: HttpRequest
    features: Features
    entries: list[Entry]
    created_at: float
    ends_at: float | None
    id: str = field(default_factory=lambda: f"msgbatch_{secrets.token_hex(12)}")
    cancel_initiated_at: float | None = None
    ended_at: float | None = None
    is_deleted: bool = False
    is_answered: bool = True

    @property
    def status(self) -> str:
        """The processing status."""
        if self.ended_at is not None:
            return "ended"
        return "in_progress" if self.cancel_initiated_at is None else "canceling"

    def to_json(self, results_url: str) -> dict[str, Any]:
        """The batch as the API returns it: counts stay at zero, and there is no results URL, until it
        ends."""
        counts = dict.fromkeys(_OUTCOMES, 0)
        for entry in self.entries if self.ended_at is not None else ():
            if entry.result is not None:
                counts[entry.result["type"]] += 1
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": {"processing": len(self.entries) if self.ended_at is None else 0} | counts,
            "created_at": _timestamp(self.created_at),
            "expires_at": _timestamp(self.created_at + _LIFETIME_SECONDS),
            "ended_at": _timestamp(self.ended_at),
            "cancel_initiated_at": _timestamp(self.cancel_initiated_at),
            "archived_at": None,
            "results_url": None if self.ended_at is None else results_url,
        }

    def to_results(self) -> bytes:
        """The results as JSON lines, not in the order of the requests."""
        shuffled = sorted(self.entries, key=lambda entry: hashlib.sha256(entry.custom_id.encode()).digest())
        lines = [{"custom_id": entry.custom_id, "result": entry.result} for entry in shuffled]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode(
            "utf-8", "surrogatepass"
        )


class Batches:
    """All batches since the start or the last reset. The current time is passed as `now`, in epoch seconds.

    A request is processed `wait` + `delay` seconds after the creation if its first step has a `delay`, and
    otherwise when its batch ends: after `seconds`, or when the last such request is done, or once it is
    released.
    """

    def __init__(self, conversations: Conversations, log: CallLog) -> None:
        self._conversations = conversations
        self._log = log
        self.reset()

    def reset(self) -> None:
        """Forget every batch; stop holding, losing responses and refusing creations."""
        self.seconds = DEFAULT_SECONDS
        self.loses_next_answer = False
        self._batches: list[Batch] = []
        self._holds = False
        self._refusal: tuple[int, str] | None = None

    def refuse(self, status: int | None, text: str = "") -> None:
        """Answer creations that have this text in a request with this status from now on; None stops that."""
        self._refusal = None if status is None else (status, text)

    def create(self, http: HttpRequest, body: dict[str, Any], features: Features, now: float) -> Batch:
        """Accept a batch. Raises ApiError 400 or the configured error; an error in one request shows only
        in its result."""
        if self._refusal is not None and self._refusal[1] in json.dumps(body, ensure_ascii=False):
            raise ApiError.from_status(self._refusal[0])
        requests = _check_requests(body.get("requests"))
        entries = [
            Entry(request["custom_id"], request["params"], _due_at(request["params"], features, now))
            for request in requests
        ]
        ends_at = max([now + self.seconds, *(entry.due_at or now for entry in entries)])
        batch = Batch(http, features, entries, now, None if self._holds else ends_at)
        self._batches.append(batch)
        batch.is_answered, self.loses_next_answer = not self.loses_next_answer, False
        return batch

    def find(self, batch_id: str, now: float) -> Batch:
        """The current state of a batch. Raises ApiError 404."""
        for batch in self._batches:
            if batch.id == batch_id and not batch.is_deleted:
                self._settle(batch, now)
                return batch
        raise ApiError(404, "not_found_error", f"Message batch {batch_id} not found.")

    def page(self, query: dict[str, str], now: float) -> tuple[list[Batch], bool]:
        """A page of batches, newest first, and whether there are more. Raises ApiError 400."""
        limit = _page_length(query.get("limit", "20"))
        batches = [batch for batch in reversed(self._batches) if not batch.is_deleted]
        for batch in batches:
            self._settle(batch, now)
        ids = [batch.id for batch in batches]
        if cursor := query.get("before_id"):
            newer = batches[: _index(ids, "before_id", cursor)]
            return newer[-limit:], len(newer) > limit
        if cursor := query.get("after_id"):
            batches = batches[_index(ids, "after_id", cursor) + 1 :]
        return batches[:limit], len(batches) > limit

    def cancel(self, batch_id: str, now: float) -> Batch:
        """Cancel the requests not yet processed. Raises ApiError 400 if the batch has ended, 404."""
        batch = self.find(batch_id, now)
        if batch.ended_at is not None:
            raise ApiError.invalid(f"Message batch {batch_id} has ended and cannot be canceled.")
        if batch.cancel_initiated_at is None:
            batch.cancel_initiated_at = now
            batch.ends_at = None if self._holds else now
            for entry in batch.entries:
                entry.result = entry.result or {"type": "canceled"}
        return batch

    def delete(self, batch_id: str, now: float) -> None:
        """Delete a batch that has ended. Raises ApiError 400 if it has not, 404."""
        batch = self.find(batch_id, now)
        if batch.ended_at is None:
            raise ApiError.invalid(f"Message batch {batch_id} cannot be deleted before it has ended.")
        batch.is_deleted = True

    def hold(self) -> None:
        """Let no batch end, neither those in progress nor new ones."""
        self._holds = True
        for batch in self._batches:
            batch.ends_at = None

    def release(self, now: float) -> None:
        """End every batch now, and stop holding."""
        self._holds = False
        for batch in self._batches:
            batch.ends_at = now
            self._settle(batch, now)

    def all(self, now: float) -> Iterable[Batch]:
        """Every batch in order of creation, including deleted ones."""
        for batch in self._batches:
            self._settle(batch, now)
        return tuple(self._batches)

    def _settle(self, batch: Batch, now: float) -> None:
        if batch.ended_at is not None:
            return
        ends = batch.ends_at is not None and batch.ends_at <= now
        for entry in batch.entries:
            if entry.result is None and (ends or (entry.due_at is not None and entry.due_at <= now)):
                entry.result = self._process(batch, entry)
        if ends:
            batch.ended_at = batch.ends_at

    def _process(self, batch: Batch, entry: Entry) -> dict[str, Any]:
        http = replace(
            batch.http, body=json.dumps(entry.params, ensure_ascii=False).encode("utf-8", "replace")
        )
        call = self._log.begin(http, f"req_{secrets.token_hex(12)}", entry.custom_id)
        call.backend = batch.features.backend
        try:
            request = _request_of(entry.params, batch.features)
            self._log.describe(call, request)
            turn = self._conversations.next_turn(request, "batch")
            call.step = turn.number
            if turn.step.expires:
                self._log.end(call, "expired")
                return {"type": "expired"}
            reply = turn.reply()
            if turn.step.sse_error is not None or turn.step.breaks is not None:
                raise ApiError.from_type(turn.step.sse_error or "api_error")
        except ApiError as error:
            self._log.end(call, f"error {error.status}")
            return {"type": "errored", "error": error.to_body(call.request_id)}
        call.usage = turn.usage.to_whole(reply)
        self._log.end(call, "completed")
        message = events.message_json(request, reply, call.usage, f"msg_{secrets.token_hex(12)}")
        return {"type": "succeeded", "message": message}


def _check_requests(requests: Any) -> list[dict[str, Any]]:
    if not isinstance(requests, list):
        raise ApiError.invalid("requests: Field required")
    if not requests:
        raise ApiError.invalid("requests: List should have at least 1 item after validation, not 0")
    seen = set()
    for index, request in enumerate(requests):
        place = f"requests.{index}"
        if not isinstance(request, dict) or not isinstance(request.get("params"), dict):
            raise ApiError.invalid(f"{place}.params: Field required")
        custom_id = request.get("custom_id")
        if not isinstance(custom_id, str):
            raise ApiError.invalid(f"{place}.custom_id: Field required")
        if len(custom_id) > 64:
            raise ApiError.invalid(f"{place}.custom_id: String should have at most 64 characters")
        if not re.fullmatch(_CUSTOM_ID, custom_id):
            raise ApiError.invalid(f"{place}.custom_id: String should match pattern '{_CUSTOM_ID}'")
        if custom_id in seen:
            raise ApiError.invalid(f"{place}.custom_id: '{custom_id}' is not unique within the batch")
        seen.add(custom_id)
    return requests


def _request_of(params: dict[str, Any], features: Features) -> MessagesRequest:
    if params.get("fallbacks"):
        raise ApiError.invalid("fallbacks: not supported in a batch")
    if params.get("stream"):
        raise ApiError.invalid("stream: Streaming is not supported in a batch")
    return MessagesRequest.from_body(params, features)


def _due_at(params: dict[str, Any], features: Features, now: float) -> float | None:
    try:
        steps = steps_of(_request_of(params, features))
    except ApiError:
        return None
    delay = steps[0].delay if steps else None
    return None if delay is None else now + steps[0].wait + delay


def _page_length(limit: str) -> int:
    if not limit.isdecimal() or not 1 <= int(limit) <= _LONGEST_PAGE:
        raise ApiError.invalid(f"limit: Input should be between 1 and {_LONGEST_PAGE}")
    return int(limit)


def _index(ids: list[str], name: str, cursor: str) -> int:
    if cursor not in ids:
        raise ApiError.invalid(f"{name}: Message batch {cursor} not found.")
    return ids.index(cursor)


def _timestamp(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
