"""What a turn may come to at most, from what it is asked: for what is reserved before it is bought."""

import json
from collections.abc import Mapping
from typing import Any

from a2a_tasks.ports.model import ModelRequest

BYTES_PER_TOKEN = 2
"""On the low side, so that the tokens are not too few: English has about four, Chinese about three."""
IMAGE_TOKENS = 5_000
"""More than the largest image that the models take costs (Anthropic's vision guide)."""
PDF_BYTES_PER_TOKEN = 10
"""Of a document in base64. Its pages are shown as text and as images."""
MAX_SEARCHES = 20
"""Web searches of one request where nothing limits them."""


def prompt_tokens(request: ModelRequest) -> int:
    """The tokens that the model is shown, rather too many than too few."""
    prompt = request.prompt
    rest = [prompt.system, prompt.tools, prompt.output_schema]
    return _tokens(request.messages) + _size(rest) // BYTES_PER_TOKEN


def searches(request: ModelRequest) -> int:
    """How many web searches it may make."""
    return sum(
        tool.get("max_uses", MAX_SEARCHES)
        for tool in request.prompt.tools
        if tool.get("name") == "web_search" and "type" in tool
    )


def _tokens(value: Any) -> int:
    if isinstance(value, Mapping):
        if value.get("type") == "image":
            return IMAGE_TOKENS
        if value.get("type") == "document":
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
