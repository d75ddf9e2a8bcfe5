"""Dead letters in the output for operators, and as JSON."""

import json
from typing import TYPE_CHECKING, Any

from a2a_tasks.domain.task import iso8601

if TYPE_CHECKING:
    from a2actl.dead_letters.queue import DeadMessage

CUT = 2_000
"""Characters of a message that are shown, unless more is asked for."""
CUT_IN_TABLE = 80

COLUMNS = ("ID", "SENT", "TASK", "ABOUT", "REASON")


def to_json(message: "DeadMessage", *, full: bool) -> dict[str, Any]:
    """``{"id", "sentAt", "reason", "groupId"?, "body", "cut"?}``; a whole body that is JSON as such."""
    shown: dict[str, Any] = {
        "id": message.message_id,
        "sentAt": iso8601(message.sent_at),
        "reason": message.reason,
    }
    if message.group_id is not None:
        shown["groupId"] = message.group_id
    if len(message.body) > CUT and not full:
        return shown | {"body": message.body[:CUT], "cut": True}
    return shown | {"body": _parsed(message.body)}


def row(message: "DeadMessage") -> tuple[str, ...]:
    """One for each of ``COLUMNS``."""
    body = _parsed(message.body)
    told = body if isinstance(body, dict) else {}
    task_id = told.get("taskId")
    about = _about(told) or message.body[:CUT_IN_TABLE]
    reason = _condition(told) or message.reason
    return (message.message_id, iso8601(message.sent_at), str(task_id or "–"), about, reason)


def _about(told: dict[str, Any]) -> str:
    """The receiver, chat or function that a message is about; empty if it names none."""
    if arn := _context(told).get("functionArn"):
        return str(arn).rpartition("function:")[2].partition(":")[0]
    names = (told.get(name) for name in ("configId", "exchangeId", "group", "status", "agentId"))
    return " ".join(str(name) for name in names if isinstance(name, str))[:CUT_IN_TABLE]


def _condition(told: dict[str, Any]) -> str | None:
    """Why Lambda gave a call up, in its words."""
    condition = _context(told).get("condition")
    return str(condition) if condition else None


def _context(told: dict[str, Any]) -> dict[str, Any]:
    context = told.get("requestContext")
    return context if isinstance(context, dict) else {}


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
