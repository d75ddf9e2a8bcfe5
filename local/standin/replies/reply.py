"""The content of a reply, and its stop reason."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.standin.errors import ApiError
from local.standin.replies.report import report_on
from local.standin.replies.server_tools import container_of, run_mcp_tool, run_server_tool
from local.standin.request.blocks import Block, Compaction, Fallback, Text, Thinking, ToolCall
from local.standin.request.messages_request import MessagesRequest
from local.standin.request.output_format import example_of
from local.standin.request.prefixes import CHARACTERS_PER_TOKEN
from local.standin.request.thinking import sign
from local.standin.step import (
    Compact,
    Data,
    Decline,
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

_FILLER_LINE = "The stand-in fills this line so that the reply gets long.\n"
_LAST_TOOL_RESULT = "${last_tool_result}"


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's content in one call, and its stop reason. `container`: where code ran. `declined_as`:
    the category of a refusal that no fallback took over."""

    blocks: tuple[Block, ...]
    stop_reason: str
    container: dict[str, Any] | None = None
    declined_as: str | None = "general_harms"

    @classmethod
    def to_request(cls, request: MessagesRequest, step: Step) -> "Reply":
        """The reply that a step gives to a request. Raises ApiError 400 if it uses tools that are not
        offered.

        Without any content words it is a value that fits the request's schema, or else the default report.
        """
        parts = step.parts
        if all(isinstance(part, Think | Note) for part in parts):
            schema = request.output_schema
            parts = (
                *parts,
                Say(report_on(request)) if schema is None else Data(json.dumps(example_of(schema))),
            )
        # The API puts the summary before all other content.
        parts = tuple(sorted(parts, key=lambda part: not isinstance(part, Compact)))
        parts, refusal = _until_refused(request, parts)
        blocks = tuple(_blocks(request, parts))
        calls = [block for block in blocks if isinstance(block, ToolCall)]
        container = container_of(calls, request.container)
        if refusal is not None:
            return cls(blocks, "refusal", container, refusal.category)
        return cls(blocks, step.stop or _stop_reason(blocks), container)

    @property
    def continues(self) -> bool:
        """Whether the next request may end with this reply."""
        return self.stop_reason in ("pause_turn", "compaction")

    @property
    def output_tokens(self) -> int:
        """The rough length in tokens of the answering model's content without a summary, at least 1."""
        last = max((n + 1 for n, block in enumerate(self.blocks) if isinstance(block, Fallback)), default=0)
        served = self.blocks[last:]
        characters = sum(len(block.text) for block in served if not isinstance(block, Compaction))
        return max(1, characters // CHARACTERS_PER_TOKEN)

    @property
    def summary(self) -> str | None:
        """The text of the compaction block, None if there is none."""
        return next((block.text for block in self.blocks if isinstance(block, Compaction)), None)

    @property
    def is_summary_only(self) -> bool:
        """Whether the compaction block is the only block."""
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
        """The reason of a refusal; None for any other stop."""
        if self.stop_reason != "refusal":
            return None
        explanation = "The stand-in was asked to refuse."
        return {"type": "refusal", "category": self.declined_as, "explanation": explanation}

    @property
    def hops(self) -> list[Fallback]:
        """The positions where one model handed over to the next."""
        return [block for block in self.blocks if isinstance(block, Fallback)]

    def attempts(self, model: str) -> list[tuple[str, int]]:
        """Each model that was asked, with the rough length in tokens of its content."""
        said: list[tuple[str, int]] = [(model, 0)]
        for block in self.blocks:
            if isinstance(block, Fallback):
                said.append((block.model, 0))
            else:
                said[-1] = (said[-1][0], said[-1][1] + len(block.text))
        return [(name, -(-characters // CHARACTERS_PER_TOKEN)) for name, characters in said]


def filler(characters: int) -> str:
    """Text of exactly this many characters; numbered lines make a missing or duplicated piece visible."""
    line_length = 9 + len(_FILLER_LINE)
    lines = (f"{number:08d} {_FILLER_LINE}" for number in range(characters // line_length + 1))
    return "".join(lines)[:characters]


def _until_refused(
    request: MessagesRequest, parts: tuple[Part, ...]
) -> tuple[tuple[Part, ...], Decline | None]:
    """The parts, up to the point where every model has declined."""
    left = len(request.fallbacks)
    for index, part in enumerate(parts):
        if isinstance(part, Decline):
            if left == 0:
                return parts[:index], part
            left -= 1
    return parts, None


def _stop_reason(blocks: tuple[Block, ...]) -> str:
    if any(isinstance(block, ToolCall) and block.type == "tool_use" for block in blocks):
        return "tool_use"
    return "compaction" if all(isinstance(block, Compaction) for block in blocks) else "end_turn"


def _blocks(request: MessagesRequest, parts: tuple[Part, ...]) -> Iterator[Block]:
    models, model = iter(request.fallbacks), request.model
    for part in parts:
        match part:
            case Decline(category):
                declined, model = model, next(models)
                yield Fallback(category, declined, model)
            case Think(text):
                yield _thinking(request, text, model, is_update=False)
            case Note(text):
                yield _thinking(request, text, model, is_update=True)
            case UseTool(name, arguments):
                yield ToolCall("tool_use", name, arguments, f"toolu_{secrets.token_hex(12)}")
            case UseServerTool():
                yield from run_server_tool(part, request.toolbox, request.organization)
            case UseMcpTool():
                yield from run_mcp_tool(part, request.toolbox)
            case Compact():
                yield _compaction(request)
            case _:
                if text := _spoken(request, part):
                    yield Text(text)


def _spoken(request: MessagesRequest, part: Part) -> str:
    match part:
        case Say(text):
            return text.replace(_LAST_TOOL_RESULT, request.last_tool_result)
        case Size(characters):
            return filler(characters)
        case Echo():
            return _echo_text(request)
        case Data(json_text):
            return json_text
    return ""


def _thinking(request: MessagesRequest, text: str, model: str, *, is_update: bool) -> Thinking:
    shown = request.thinking.shown(text, is_update=is_update)
    return Thinking(shown, sign(request.prefixes[-1], model, request.organization, shown))


def _compaction(request: MessagesRequest) -> Compaction:
    if not request.compacts:
        raise ApiError.invalid("The stand-in's directive compacts, which the request does not ask for.")
    return Compaction(f"<summary>The stand-in summarized {len(request.messages)} messages.</summary>")


def _echo_text(request: MessagesRequest) -> str:
    user_text = "\n\n".join(text for text in request.user_texts if text)
    return f"[system]\n{request.system}\n\n[user]\n{user_text}"
