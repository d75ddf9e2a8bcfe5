"""The content of a reply, and why it stops there."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.blocks import Block, Compaction, Text, Thinking, ToolCall
from local.standin.errors import ApiError
from local.standin.messages_request import MessagesRequest
from local.standin.output_format import example_of
from local.standin.prefixes import CHARACTERS_PER_TOKEN
from local.standin.report import report_on
from local.standin.server_tools import container_of, run_mcp_tool, run_server_tool
from local.standin.step import (
    Compact,
    Data,
    Echo,
    Note,
    Part,
    Say,
    Size,
    Step,
    Think,
    UseMcpTool,
    UseServerTool,
    UseTool,
)
from local.standin.thinking import sign

_FILLER_LINE = "The stand-in fills this line so that the reply gets long.\n"
_LAST_TOOL_RESULT = "${last_tool_result}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says in one call, and why it stops there. `container`: where code ran."""

    blocks: tuple[Block, ...]
    stop_reason: str
    container: dict[str, Any] | None = None

    @classmethod
    def to_request(cls, request: MessagesRequest, step: Step) -> "Reply":
        """The reply that a step gives to a request. Raises ApiError 400 if it uses what is not offered.

        Without any content words it is a value that fits the request's schema, or else the default report.
        """
        parts = step.parts
        if all(isinstance(part, Think | Note) for part in parts):
            schema = request.output_schema
            parts = (
                *parts,
                Say(report_on(request)) if schema is None else Data(json.dumps(example_of(schema))),
            )
        # The API puts the summary before everything that was said after it.
        parts = tuple(sorted(parts, key=lambda part: not isinstance(part, Compact)))
        blocks = tuple(_blocks(request, parts))
        calls = [block for block in blocks if isinstance(block, ToolCall)]
        return cls(blocks, step.stop or _stop_reason(blocks), container_of(calls, request.container))

    @property
    def continues(self) -> bool:
        """Whether the next request may end with this reply."""
        return self.stop_reason in ("pause_turn", "compaction")

    @property
    def output_tokens(self) -> int:
        """The rough length in tokens of all but a summary, at least 1."""
        characters = sum(len(block.text) for block in self.blocks if not isinstance(block, Compaction))
        return max(1, characters // CHARACTERS_PER_TOKEN)

    @property
    def summary(self) -> str | None:
        """The text of the compaction block, None if there is none."""
        return next((block.text for block in self.blocks if isinstance(block, Compaction)), None)

    @property
    def is_summary_only(self) -> bool:
        """Whether a compaction block stands alone."""
        return self.summary is not None and len(self.blocks) == 1

    @property
    def web_requests(self) -> tuple[int, int]:
        """How many searches and fetches the API made for it."""
        names = [
            block.name
            for block in self.blocks
            if isinstance(block, ToolCall) and block.type == "server_tool_use"
        ]
        return names.count("web_search"), names.count("web_fetch")

    @property
    def stop_details(self) -> dict[str, Any] | None:
        """Why a refusal was a refusal; None for any other stop."""
        if self.stop_reason != "refusal":
            return None
        explanation = "The stand-in was asked to refuse."
        return {"type": "refusal", "category": "general_harms", "explanation": explanation}


def filler(characters: int) -> str:
    """Text of exactly so many characters; numbered lines make a missing or doubled piece visible."""
    line_length = 9 + len(_FILLER_LINE)
    lines = (f"{number:08d} {_FILLER_LINE}" for number in range(characters // line_length + 1))
    return "".join(lines)[:characters]


def _stop_reason(blocks: tuple[Block, ...]) -> str:
    if any(isinstance(block, ToolCall) and block.type == "tool_use" for block in blocks):
        return "tool_use"
    return "compaction" if all(isinstance(block, Compaction) for block in blocks) else "end_turn"


def _blocks(request: MessagesRequest, parts: tuple[Part, ...]) -> Iterator[Block]:
    for part in parts:
        match part:
            case Say(text):
                if spoken := text.replace(_LAST_TOOL_RESULT, request.last_tool_result):
                    yield Text(spoken)
            case Size(characters):
                yield Text(filler(characters))
            case Echo():
                yield Text(_echo_text(request))
            case Data(json_text):
                yield Text(json_text)
            case Think(text):
                yield _thinking(request, text, is_update=False)
            case Note(text):
                yield _thinking(request, text, is_update=True)
            case UseTool(name, arguments):
                yield ToolCall("tool_use", name, arguments, f"toolu_{secrets.token_hex(12)}")
            case UseServerTool():
                yield from run_server_tool(part, request.toolbox, request.organization)
            case UseMcpTool():
                yield from run_mcp_tool(part, request.toolbox)
            case Compact():
                yield _compaction(request)


def _thinking(request: MessagesRequest, text: str, *, is_update: bool) -> Thinking:
    shown = request.thinking.shown(text, is_update=is_update)
    return Thinking(shown, sign(request.prefixes[-1], request.model, request.organization, shown))


def _compaction(request: MessagesRequest) -> Compaction:
    if not request.compacts:
        raise ApiError.invalid("The stand-in's directive compacts, which the request does not ask for.")
    return Compaction(f"<summary>The stand-in summarized {len(request.messages)} messages.</summary>")


def _echo_text(request: MessagesRequest) -> str:
    user_text = "\n\n".join(text for text in request.user_texts if text)
    return f"[system]\n{request.system}\n\n[user]\n{user_text}"
