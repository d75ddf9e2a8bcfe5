"""Replies of the Messages API as plain JSON that can be sent back.

Neither the SDK's accumulating stream nor its models are used. The former drops the deltas of block types that
it does not know, adds fields that were not sent, completes the input of a tool call that was cut off so that
it looks whole, and parses that input anew with every delta; building the latter takes a fifth of a second in
a new process.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from a2a_tasks.adapters.claude.usage import bill_of, billed, runs_code
from a2a_tasks.domain.text import json_limits
from a2a_tasks.ports.model import Draft, ModelReply

MUST_GO_ON = frozenset({"tool_use", "pause_turn", "compaction"})
"""Stop reasons after which the reply is sent back, so that it must be complete."""
_LEFT_BY_REFUSAL = frozenset({"thinking", "redacted_thinking", "connector_text", "tool_use"})
_SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
_DELTA_FIELDS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input"),
}
"""For each delta type its field, and the field of the block that it extends."""


class BrokenReply(Exception):
    """A reply that must be sent back but cannot be: a tool call's input is not a JSON object."""


def reply_of(message: Mapping[str, Any], *, charges_for_code: bool = False) -> ModelReply:
    """The turn of a complete message; ``message`` is the API's message object. Raises ``BeyondLimits`` for
    content that can be neither stored nor sent back, such as output of tools run by others."""
    content = message["content"]
    # checked before it is stored: another worker must be able to read it and send it back
    json_limits.check_value(content)
    code_runs = int(charges_for_code and any(map(runs_code, content)))
    return ModelReply(
        content=[_sendable(block) for block in _echoed(content) if not _is_blank(block)],
        text="".join(block["text"] for block in content if block["type"] == "text"),
        stop_reason=message["stop_reason"],
        usage=bill_of(billed(message["usage"], content), turns=1, code_runs=code_runs),
        refusal_category=(message.get("stop_details") or {}).get("category"),
        container=(message.get("container") or {}).get("id"),
        dropped_thinking=_dropped_thinking(message),
    )


def _dropped_thinking(message: Mapping[str, Any]) -> tuple[str, ...]:
    changes = message.get("input_transformations") or ()
    reasons = (change.get("reason", "") for change in changes if change["type"] == "thinking_dropped")
    return tuple(dict.fromkeys(reasons))


class ReplyBuilder:
    """Builds a reply from a stream's events in order, and keeps ``draft`` current, including thinking updates
    if ``shows_updates``. Events of unknown types are ignored."""

    def __init__(self, draft: Draft, *, shows_updates: bool, charges_for_code: bool) -> None:
        self._draft = draft
        self._shows_updates = shows_updates
        self._charges_for_code = charges_for_code
        self._blocks: list[_Block] = []
        self._message: dict[str, Any] = {"usage": {}}

    def add(self, event: Mapping[str, Any]) -> None:
        """Apply the next event."""
        match event["type"]:
            case "message_start":
                self._update(event["message"])
            case "content_block_start":
                self._blocks.append(_Block(event["content_block"]))
                if event["content_block"]["type"] == "thinking" and self._draft.updates:
                    said = self._draft.updates.rstrip()
                    self._draft.updates = f"{said}\n\n" if said else ""
            case "content_block_delta":
                self._blocks[event["index"]].add(event["delta"])
                self._show(event["delta"])
            case "message_delta":
                self._update(event["delta"] | {"usage": event.get("usage")})

    @property
    def is_complete(self) -> bool:
        """Whether the message has a stop reason. A stream that is cut off ends without an error."""
        return self._message.get("stop_reason") is not None

    def reply(self) -> ModelReply:
        """The complete turn. Raises ``BrokenReply`` and ``BeyondLimits``."""
        blocks = [block.finished() for block in self._blocks]
        whole = [block for block in blocks if block is not None]
        if len(whole) < len(blocks) and self._message["stop_reason"] in MUST_GO_ON:
            raise BrokenReply
        return reply_of(self._message | {"content": whole}, charges_for_code=self._charges_for_code)

    def _show(self, delta: Mapping[str, Any]) -> None:
        if delta["type"] == "text_delta":
            self._draft.text += delta["text"]
        elif delta["type"] == "thinking_delta" and self._shows_updates:
            self._draft.updates += delta["thinking"]

    def _update(self, fields: Mapping[str, Any]) -> None:
        """Apply message fields. The counts of ``usage`` are totals; missing ones remain valid."""
        usage = self._message["usage"] | _given(fields.get("usage") or {})
        self._message |= _given(fields) | {"usage": usage}
        self._draft.usage, self._draft.usage_is_final = bill_of(usage, turns=0), self.is_complete


class _Block:
    """A content block in progress. Its pieces are joined once at the end, because joining each one would copy
    a long text thousands of times."""

    def __init__(self, start: dict[str, Any]) -> None:
        self._fields = start
        self._pieces: dict[str, list[str]] = {}

    def add(self, delta: Mapping[str, Any]) -> None:
        if delta["type"] in _DELTA_FIELDS:
            source, target = _DELTA_FIELDS[delta["type"]]
            self._pieces.setdefault(target, []).append(delta[source])
        elif delta["type"] == "citations_delta":
            self._fields["citations"] = [*(self._fields.get("citations") or ()), delta["citation"]]
        else:
            # compaction and unknown types: their fields are the block's
            self._fields |= {key: value for key, value in delta.items() if key != "type"}

    def finished(self) -> dict[str, Any] | None:
        """The block; None if its input is not a JSON object. Raises ``BeyondLimits``."""
        for field, pieces in self._pieces.items():
            joined = "".join(pieces)
            if field != "input":
                self._fields[field] = self._fields.get(field, "") + joined
            elif joined and not isinstance(self._set_input(joined), dict):
                return None
        return self._fields

    def _set_input(self, text: str) -> Any:
        json_limits.check_text(text)
        try:
            self._fields["input"] = json.loads(text)
        except json.JSONDecodeError:
            return None
        return self._fields["input"]


def _echoed(content: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """The content without what a refusing model left before the fallback that continued: the API does not
    accept it back (guide "Refusals and fallback", "Continuing the conversation"). Its text and finished
    server tools stay."""
    last = max((n for n, block in enumerate(content) if block["type"] == "fallback"), default=0)
    finished = {block.get("tool_use_id") for block in content}
    for n, block in enumerate(content):
        is_call = block["type"] in _SERVER_CALLS
        if n < last and (block["type"] in _LEFT_BY_REFUSAL or (is_call and block["id"] not in finished)):
            continue
        yield block


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _is_blank(block: Mapping[str, Any]) -> bool:
    """The API sends text blocks without text, and does not accept them back."""
    return block["type"] == "text" and not block["text"].strip()


def _sendable(block: dict[str, Any]) -> dict[str, Any]:
    """Without what the API sends but does not accept back: ``file_id`` in citations of documents."""
    if block["type"] != "text" or not block.get("citations"):
        return block
    citations = [
        {key: value for key, value in citation.items() if key != "file_id"} for citation in block["citations"]
    ]
    return block | {"citations": citations}
