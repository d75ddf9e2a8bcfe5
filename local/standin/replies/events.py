"""The events of a streamed reply, as bytes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.replies.reply import Reply
from local.standin.replies.usage import InputUsage
from local.standin.request.blocks import Block, Compaction, Fallback, Text, Thinking, ToolCall, ToolOutput
from local.standin.request.messages_request import MessagesRequest

_SMALL_PIECE = 24
_LARGE_PIECE = 65_536
_LARGE_TEXT = 8_192
_PIECES_PER_SECOND = 10


@dataclass(frozen=True, slots=True)
class Event:
    """One event; a delay is spread over the content of `is_delta` events."""

    data: bytes
    is_delta: bool = False


def encode(event: str, body: dict[str, Any]) -> bytes:
    """An event with its `event:` line."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event}\ndata: {text}\n\n".encode("utf-8", "surrogatepass")


PING = encode("ping", {"type": "ping"})


def message_json(
    request: MessagesRequest, reply: Reply | None, usage: dict[str, Any], message_id: str
) -> dict[str, Any]:
    """The message: finished, or, without a reply, as in message_start."""
    message = {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": reply.hops[-1].model if reply and reply.hops else request.model,
        "content": [block.to_json() for block in reply.blocks] if reply else [],
        "stop_reason": reply.stop_reason if reply else None,
        "stop_sequence": None,
        "stop_details": reply.stop_details if reply else None,
        "container": reply.container if reply else None,
        "usage": usage,
    }
    if request.transformations is not None:
        message["input_transformations"] = list(request.transformations)
    return message | (_applied_edits(request) if reply else {})


def opening(request: MessagesRequest, reply: Reply, usage: InputUsage, message_id: str) -> bytes:
    """message_start and the first ping. It does not name models that declined before any output."""
    message = message_json(request, None, usage.to_start(), message_id)
    if reply.blocks and isinstance(reply.blocks[0], Fallback):
        message["model"] = reply.blocks[0].model
    return encode("message_start", {"type": "message_start", "message": message}) + PING


def content(reply: Reply, delay: float) -> Iterator[Event]:
    """The blocks in order; the longer the delay in seconds, the smaller the pieces."""
    for index, block in enumerate(reply.blocks):
        yield _event("content_block_start", {"index": index, "content_block": _empty(block)})
        for delta in _deltas(block, delay):
            yield _event("content_block_delta", {"index": index, "delta": delta}, is_delta=True)
        yield _event("content_block_stop", {"index": index})


def closing(request: MessagesRequest, reply: Reply, usage: InputUsage) -> bytes:
    """message_delta and message_stop."""
    delta = {
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "container": reply.container,
    }
    body = {"type": "message_delta", "delta": delta, "usage": usage.to_end(reply)}
    end = encode("message_delta", body | _applied_edits(request))
    return end + encode("message_stop", {"type": "message_stop"})


def _applied_edits(request: MessagesRequest) -> dict[str, Any]:
    # The stand-in clears nothing, but a client that asked for it gets the field.
    return {"context_management": {"applied_edits": []}} if request.manages_context else {}


def _event(event: str, fields: dict[str, Any], *, is_delta: bool = False) -> Event:
    return Event(encode(event, {"type": event} | fields), is_delta)


def _empty(block: Block) -> dict[str, Any]:
    match block:
        case Text():
            return {"type": "text", "text": ""}
        case Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ToolCall():
            return block.to_json() | {"input": {}}
        case ToolOutput() | Fallback():
            return block.to_json()
        case Compaction():
            return {"type": "compaction", "content": None}


def _deltas(block: Block, delay: float) -> Iterator[dict[str, Any]]:
    pieces = _pieces(block.text, delay)
    match block:
        case Text():
            yield from ({"type": "text_delta", "text": piece} for piece in pieces)
        case Thinking():
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces)
            yield {"type": "signature_delta", "signature": block.signature}
        case ToolCall():
            yield {"type": "input_json_delta", "partial_json": ""}
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
        case Compaction():
            yield block.to_json() | {"type": "compaction_delta"}
        case ToolOutput() | Fallback():
            pass


def _pieces(text: str, delay: float) -> Iterator[str]:
    if delay:
        size = len(text) / (delay * _PIECES_PER_SECOND)
    else:
        size = _LARGE_PIECE if len(text) > _LARGE_TEXT else _SMALL_PIECE
    # At least two pieces, so that a reply can break in mid-text.
    size = max(1, min(round(size), (len(text) + 1) // 2))
    yield from (text[start : start + size] for start in range(0, len(text), size))
