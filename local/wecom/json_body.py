"""JSON bodies of API calls."""

import json
import re
from typing import Any

from local.wecom import errors
from local.wecom.errors import WeComError

_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


def json_object(body: bytes) -> dict[str, Any]:
    """Raises WeComError if it is not a JSON object."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise WeComError(errors.BAD_PARAMETER, "the body is not a JSON object")
    return document


def raw_json_object(body: bytes) -> dict[str, Any]:
    """The same for endpoints that require unescaped UTF-8 text. Raises WeComError."""
    if _ESCAPED.search(body):
        raise WeComError(errors.ESCAPED_TEXT, "body contains unescaped \\uxxxx utf-8")
    return json_object(body)


def section(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The part of a message named by its type; empty if it is missing."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def filled(part: dict[str, Any], name: str) -> str:
    """A string that must not be empty. Raises WeComError."""
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise WeComError(errors.EMPTY, f"{name} is empty")
    return value


def at_most(text: str, limit: int, errcode: int, name: str) -> str:
    """The text. Raises WeComError with that code if it has more bytes."""
    if len(text.encode()) > limit:
        raise WeComError(errcode, f"{name} exceed max length {limit}. invalid Request Parameter")
    return text


def cut(text: str, limit: int) -> tuple[str, bool]:
    """The visible part of a text that WeCom truncates silently, and whether it was truncated."""
    data = text.encode()
    return data[:limit].decode(errors="ignore"), len(data) > limit
