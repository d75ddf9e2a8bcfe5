"""Upper estimates of a turn's tokens, for reservations."""

import json
from collections.abc import Mapping
from typing import Any

from a2a_tasks.ports.model import ModelRequest

BYTES_PER_TOKEN = 2
"""Low, so that the estimate is high: English has about four, Chinese about three."""
IMAGE_TOKENS = 5_000
"""More than the largest accepted image costs (Anthropic's vision guide)."""
PDF_BYTES_PER_TOKEN = 10
"""Of a base64 document. Its pages are shown as text and as images."""
MAX_SEARCHES = 20
"""Web searches of a request without a limit."""


def prompt_tokens(request: ModelRequest) -> int:
    """Upper estimate of input tokens."""
    prompt = request.prompt
    rest = [prompt.system, prompt.tools, prompt.output_schema]
    return _tokens(request.messages) + _size(rest) // BYTES_PER_TOKEN


def searches(request: ModelRequest) -> int:
    """Maximum number of web searches."""
    return sum(
        tool.get("max_uses", MAX_SEARCHES)
        for tool in request.prompt.tools
        if tool.get("name") == "web_search" and "type" in tool
    )


def _tokens(value: Any) -> int:
    if isinstance(value, Mapping):
        if value.get("type") == "image":
            return IMAGE_TOKENS
        if value.get("type") == "document" and value["source"]["type"] != "text":
            return IMAGE_TOKENS + _size(value) // PDF_BYTES_PER_TOKEN
        if "content" not in value:
            return 1 + _size(value) // BYTES_PER_TOKEN
        rest = {name: part for name, part in value.items() if name != "content"}
        return _tokens(rest) + _tokens(value["content"])
    if isinstance(value, list):
        return sum(map(_tokens, value))
    return 1 + _size(value) // BYTES_PER_TOKEN


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
