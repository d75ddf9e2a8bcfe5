"""Digests of a request's prefixes, which prompt caching and thinking depend on."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Prefix:
    """The request up to one of its messages, exclusive: its digest, and its length in characters.

    `binding` is its digest without the model; thinking is bound to it.
    `opening_characters` are those of system prompt and tools. `compactions` counts the messages that restart
    the prompt with a summary.
    """

    digest: str
    binding: str
    characters: int
    opening_characters: int
    compactions: int = 0

    @property
    def tokens(self) -> int:
        """Its rough length in tokens."""
        return self.characters // CHARACTERS_PER_TOKEN


def prefixes_of(body: dict[str, Any]) -> tuple[Prefix, ...]:
    """One prefix before each message, and the whole request as the last: `len(messages) + 1` of them.

    Cache markers do not count, and content given as a string equals the one text block that it abbreviates.
    """
    return tuple(_chain(body))


def extends(earlier: dict[str, Any], later: dict[str, Any]) -> bool:
    """Whether the later request body continues the earlier one, so that caches hit and thinking can be
    replayed.

    Model, system prompt, tools, MCP servers and output format are equal, and the later messages begin with
    the earlier ones. Cache markers do not count.
    """
    pinned = ("model", "system", "tools", "mcp_servers", "output_config")
    if any(_comparable(earlier.get(name)) != _comparable(later.get(name)) for name in pinned):
        return False
    before, after = (
        [_canonical(message | {"content": _blocks(message["content"])}) for message in body["messages"]]
        for body in (earlier, later)
    )
    return after[: len(before)] == before


def after_reply(prefix: Prefix, blocks: list[dict[str, Any]]) -> Prefix:
    """The prefix that a request has after a reply with these blocks."""
    return _extend(prefix, {"role": "assistant", "content": blocks})


def _chain(body: dict[str, Any]) -> Iterator[Prefix]:
    opening = {"system": _blocks(body.get("system") or []), "tools": body.get("tools") or []}
    text = _canonical(opening)
    prefix = Prefix(_digest(f"{body['model']}\n{text}"), _digest(text), len(text), len(text))
    yield prefix
    for message in body["messages"]:
        prefix = _extend(prefix, message)
        yield prefix


def _extend(prefix: Prefix, message: dict[str, Any]) -> Prefix:
    blocks = _blocks(message["content"])
    text = _canonical(message | {"content": blocks})
    # The model is no longer shown what comes before a compaction block.
    is_compacted = any(block["type"] == "compaction" for block in blocks)
    characters = (prefix.opening_characters if is_compacted else prefix.characters) + len(text)
    return Prefix(
        _digest(f"{prefix.digest}\n{text}"),
        _digest(f"{prefix.binding}\n{text}"),
        characters,
        prefix.opening_characters,
        prefix.compactions + is_compacted,
    )


def _comparable(value: Any) -> str:
    return _canonical(_blocks(value) if value else [])


def _blocks(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _canonical(value: Any) -> str:
    return json.dumps(_without_markers(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _without_markers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_markers(item) for key, item in value.items() if key != "cache_control"}
    return [_without_markers(item) for item in value] if isinstance(value, list) else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
