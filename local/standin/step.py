"""The step that one call of a conversation gets."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Verbatim text; empty text adds no block. `${last_tool_result}` is replaced by the last tool result."""

    text: str


@dataclass(frozen=True, slots=True)
class Size:
    """Filler text of exactly this many characters."""

    characters: int


@dataclass(frozen=True, slots=True)
class Echo:
    """Text that repeats the system prompt and the user's text."""


@dataclass(frozen=True, slots=True)
class Data:
    """Text that is exactly this JSON."""

    json_text: str


@dataclass(frozen=True, slots=True)
class Think:
    """A signed thinking block; on models that omit thinking it shows no text, unless it is asked for."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A progress update: a signed thinking block that shows its text to clients that asked for updates."""

    text: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """A tool_use block: the client runs the tool."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UseServerTool:
    """A server_tool_use block and its result."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UseMcpTool:
    """An mcp_tool_use block and its result."""

    server: str
    name: str
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compact:
    """A compaction block, which comes first in the content."""


@dataclass(frozen=True, slots=True)
class Decline:
    """The current model declines; the next of the request's fallbacks continues, if there is one."""

    category: str | None


type Part = Say | Size | Echo | Data | Think | Note | UseTool | UseServerTool | UseMcpTool | Compact | Decline


class Break(StrEnum):
    """How a reply breaks in the middle."""

    EOF = "eof"  # the body ends cleanly, without message_delta and message_stop
    DROP = "drop"  # the TCP connection is reset
    HANG = "hang"  # nothing more is sent, not even pings
    PING = "ping"  # only pings are sent
    SILENT = "silent"  # not even the status line is sent


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP error in place of a reply; `type` None is the usual one of the status."""

    status: int
    type: str | None = None
    error_code: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The step of one call of a conversation. `wait` and `delay` are seconds; `delay` None streams at once.

    `once`: the step is used up by one call, even if that call completes. `expires`: in a batch there is no
    reply, the request expires. `prompt_tokens`: the prompt's length in its usage, None for the real one.
    `geo`: where the model ran, None for where the request wanted it.
    `follows`: the call gets the first step of the directive in the last tool result.
    """

    parts: tuple[Part, ...] = ()
    stop: str | None = None
    wait: float = 0.0
    delay: float | None = None
    failure: Failure | None = None
    sse_error: str | None = None
    breaks: Break | None = None
    once: bool = False
    expires: bool = False
    prompt_tokens: int | None = None
    geo: str | None = None
    follows: bool = False

    @property
    def is_spent_by_its_call(self) -> bool:
        """Whether a repetition of the same request gets the next step, however this call ends."""
        fails = self.failure is not None or self.sse_error is not None or self.breaks is not None
        return fails or self.once or self.expires
