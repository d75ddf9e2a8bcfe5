"""Deliveries of webhooks, as the REST API shows them."""

from typing import Any

from a2a_tasks.domain.task import iso8601
from a2a_tasks.domain.webhooks.delivery import DeliveryNote


def delivery_view(note: DeliveryNote) -> dict[str, Any]:
    """``{"configId", "event", "at", "state", "attempts", "lastAttemptAt"?, "lastStatus"?, "lastError"?,
    "nextAttemptAt"?}``."""
    known = {
        "configId": note.config_id,
        "event": note.status.value,
        "at": iso8601(note.at),
        "state": note.state.value,
        "attempts": note.tries,
        "lastAttemptAt": None if note.tried_at is None else iso8601(note.tried_at),
        "lastStatus": note.answer,
        "lastError": note.reason,
        "nextAttemptAt": None if note.next_try_at is None else iso8601(note.next_try_at),
    }
    return {name: value for name, value in known.items() if value is not None}
