"""The stand-in's own routes, under `/_standin/`, which read its records and control its behaviour."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from local.doubles.connection import HttpRequest
from local.standin.batches import Batch, Batches
from local.standin.calls import CallLog
from local.standin.conversation import Conversations
from local.standin.errors import ApiError

CONTROL_PREFIX = "/_standin/"
_DONE = {"status": "ok"}


class Control:
    """Responses for one stand-in."""

    def __init__(self, log: CallLog, conversations: Conversations, batches: Batches) -> None:
        self._log = log
        self._conversations = conversations
        self._batches = batches

    def answer(self, http: HttpRequest) -> dict[str, Any]:
        """The JSON response. Raises ApiError 400 or 404."""
        match http.method, http.path.removeprefix(CONTROL_PREFIX).split("/"):
            case "GET", ["health"]:
                return {"status": "ok", "service": "stand-in for the Claude Messages API"}
            case "GET", ["calls"]:
                calls = self._log.find(_integer(http.query.get("since", "0")), http.query.get("marker", ""))
                return {"calls": [call.to_json() for call in calls]}
            case "GET", ["concurrency"]:
                concurrency = self._log.concurrency(http.query.get("marker", ""))
                return {"open": concurrency.open, "maxOpen": concurrency.max_open}
            case "GET", ["requests", index]:
                if (request := self._log.request(_integer(index))) is not None:
                    return asdict(request)
            case "GET", ["batches"]:
                return {"batches": [_describe(batch) for batch in self._batches.all(time.time())]}
            case "POST", ["unscripted", milliseconds]:
                self._conversations.unscripted_seconds = _integer(milliseconds) / 1_000
                return _DONE
            case "POST", ["batches", *order] if self._order(order, http.query):
                return _DONE
            case "POST", ["reset"]:
                self._log.reset()
                self._conversations.reset()
                self._batches.reset()
                return _DONE
        raise ApiError(404, "not_found_error", f"The stand-in has no {http.method} {http.path}")

    def _order(self, order: list[str], query: Mapping[str, str]) -> bool:
        """Apply an order to the batches. False if there is no such order."""
        match order:
            case ["hold"]:
                self._batches.hold()
            case ["release"]:
                self._batches.release(time.time())
            case ["end-after", milliseconds]:
                self._batches.seconds = _integer(milliseconds) / 1_000
            case ["lose-next-answer"]:
                self._batches.loses_next_answer = True
            case ["refuse"]:
                self._batches.refuse(_integer(query["status"]), query.get("text", ""))
            case ["accept"]:
                self._batches.refuse(None)
            case _:
                return False
        return True


def _describe(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "status": batch.status,
        "custom_ids": [entry.custom_id for entry in batch.entries],
        "is_answered": batch.is_answered,
        "is_deleted": batch.is_deleted,
    }


def _integer(text: str) -> int:
    if not text.isdecimal():
        raise ApiError.invalid(f"{text!r} is not a whole number")
    return int(text)
