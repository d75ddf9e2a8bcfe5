"""Errors of A2A 1.0 as errors of 0.3."""

import re
from collections.abc import Mapping
from typing import Any

from a2a_tasks.a2a.errors import A2AError

CODES = frozenset({-32700, -32600, -32601, -32602, -32603, *range(-32007, -32000)})
INTERNAL = -32603
FIELDS = (
    (re.compile(r"\btaskPushNotificationConfig\b"), "pushNotificationConfig"),
    (re.compile(r"\breturnImmediately\b"), "blocking"),
    (re.compile(r"\b(parts\[\d+\])\.raw\b"), r"\1.file.bytes"),
    (re.compile(r"\b(parts\[\d+\])\.url\b"), r"\1.file.uri"),
    (re.compile(r"\b(parts\[\d+\])\.mediaType\b"), r"\1.file.mimeType"),
    (re.compile(r"\b(parts\[\d+\])\.filename\b"), r"\1.file.name"),
    (re.compile(r"\bROLE_USER\b"), "user"),
    (re.compile(r"\bGetTask\b"), "tasks/get"),
)
"""Names of 1.0 in messages, and their names in 0.3."""


def error_view(error: A2AError) -> dict[str, Any]:
    """A JSON-RPC error of 0.3; codes unknown to it become an internal error.

    In 1.0 ``data`` is a list of typed details. Clients of 0.3 do not know these, and some accept only an
    object: it has the fields of all details.
    """
    known = error.to_json_rpc()
    data: dict[str, Any] = {}
    for detail in known["data"]:
        data |= {name: value for name, value in detail.items() if name != "@type"}
    if violations := data.get("fieldViolations"):
        data["fieldViolations"] = [_named(violation) for violation in violations]
    code = known["code"] if known["code"] in CODES else INTERNAL
    return {"code": code, "message": _renamed(known["message"]), "data": data}


def _named(violation: Mapping[str, str]) -> dict[str, str]:
    return {name: _renamed(text) for name, text in violation.items()}


def _renamed(text: str) -> str:
    for new, old in FIELDS:
        text = new.sub(old, text)
    return text
