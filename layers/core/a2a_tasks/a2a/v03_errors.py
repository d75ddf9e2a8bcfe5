"""Errors of A2A 1.0 as those of 0.3."""

from collections.abc import Mapping
from typing import Any

CODES = frozenset({-32700, -32600, -32601, -32602, -32603, *range(-32007, -32000)})
INTERNAL = -32603


def error_view(error: Mapping[str, Any]) -> dict[str, Any]:
    """A 0.3 JSON-RPC error of a 1.0 one; codes that 0.3 does not have become an internal error.

    ``data`` is a list of typed details in 1.0. Clients of 0.3 know no such types, and some of them take
    nothing but an object: it is one that has all the details' fields.
    """
    code = error["code"] if error["code"] in CODES else INTERNAL
    view: dict[str, Any] = {"code": code, "message": error["message"]}
    data: dict[str, Any] = {}
    for detail in error.get("data", ()):
        data |= {name: value for name, value in detail.items() if name != "@type"}
    return view | ({"data": data} if data else {})
