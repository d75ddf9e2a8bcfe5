"""The model behind the agents: turns, the files that its tools produce, and the pace of calls."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.overload.pace import Pace, PaceKey
from a2a_tasks.domain.pricing.bill import Bill
from a2a_tasks.domain.tools.catalog import McpServer

TOOL_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
"""Types of content blocks that call a tool."""


@dataclass(frozen=True)
class Prompt:
    """What stays the same in every turn of a task.

    Thinking signatures and prompt caching depend on it byte by byte, so it is built once and stored with
    the first checkpoint.
    """

    model: str
    """Model id."""
    system: str
    tools: list[dict[str, Any]] = field(default_factory=list)
    """Tool definitions of the Messages API, including server tools and MCP toolsets."""
    mcp_servers: list[str] = field(default_factory=list)
    """Names only. Addresses and tokens are read from the registry for each turn, so that write access to
    stored prompts does not allow redirecting a token."""
    output_schema: dict[str, Any] | None = None
    """JSON Schema of the answer, for structured output."""
    effort: str | None = None
    manages_context: bool = False
    """The service clears old tool results and compacts long conversations."""
    thinking: dict[str, Any] | None = None
    """The request's ``thinking`` parameter."""
    betas: list[str] = field(default_factory=list)
    """Beta headers beyond those that follow from the other fields."""
    fallbacks: str | list[dict[str, str]] | None = None
    """The request's ``fallbacks`` parameter: models that the service tries if this one refuses."""

    @property
    def shows_updates(self) -> bool:
        """Whether thinking carries progress updates that callers may see."""
        return (self.thinking or {}).get("display") == "updates"

    @property
    def drops_thinking(self) -> bool:
        """Whether the service drops thinking blocks that do not match their context, instead of rejecting the
        request."""
        return bool((self.thinking or {}).get("block_binding"))

    def to_json(self) -> str:
        """Serialize for the checkpoint."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Prompt":
        """Parse a stored prompt. Of MCP servers only the names are believed."""
        values = json.loads(text)
        names = [kept if isinstance(kept, str) else kept["name"] for kept in values.pop("mcp_servers")]
        return cls(**values, mcp_servers=names)


@dataclass(frozen=True)
class ModelRequest:
    """One request for a turn."""

    prompt: Prompt
    messages: list[dict[str, Any]]
    """Message objects of the Messages API."""
    max_tokens: int
    container: str | None = None
    """Id of the code execution container of an earlier turn."""
    mcp_servers: Sequence[McpServer] = ()
    """The servers that the prompt names, with address and token."""


@dataclass(frozen=True)
class ModelReply:
    """A finished turn."""

    content: list[dict[str, Any]]
    """Content blocks as JSON objects, to be sent back unchanged."""
    text: str
    """All text blocks joined."""
    stop_reason: str
    usage: Bill
    """This turn's billed usage, not yet priced."""
    refusal_category: str | None = None
    """Why the model refused, if ``stop_reason`` is ``refusal``."""
    container: str | None = None
    """Id of the code execution container."""
    dropped_thinking: tuple[str, ...] = ()
    """Distinct reasons for which the service dropped earlier thinking blocks."""

    @property
    def tool_uses(self) -> list[dict[str, Any]]:
        """Calls of client tools, in order: ``{"type": "tool_use", "id", "name", "input"}``."""
        return [block for block in self.content if block["type"] == "tool_use"]

    @property
    def tools(self) -> list[str]:
        """Names of all tools called, in order, including server and MCP tools."""
        return [block["name"] for block in self.content if block["type"] in TOOL_CALLS]


@dataclass
class Draft:
    """A turn in progress. The model updates it, others may read it at any moment."""

    text: str = ""
    usage: Bill = field(default_factory=Bill)
    """Billed so far."""
    updates: str = ""
    """Progress updates so far."""
    usage_is_final: bool = False
    """``usage`` is final."""
    is_called: bool = False
    """The call is being made, and no longer waits for the pace. Set by the implementation that paces
    calls."""
    begun: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    """Set when the response begins."""


def updates_in(content: Iterable[Mapping[str, Any]]) -> str:
    """The progress updates in a reply's thinking blocks, separated by empty lines."""
    texts = (block["thinking"].rstrip() for block in content if block["type"] == "thinking")
    return "\n\n".join(text for text in texts if text)


@dataclass
class ModelBusy(Exception):
    """Overloaded, throttled, unreachable, or cut off in the middle of a response: a retry may succeed."""

    reason: str
    retry_after: float | None = None
    """Seconds until the retry, if the service said so."""
    used: Bill = field(default_factory=Bill)
    """What the interrupted turn was billed."""
    overloaded: bool = False
    """The model itself is overloaded (529), so another model may be available."""
    throttled: bool = False
    """The service rejected the call because of its load or a rate limit (429, 529), not because of the call
    itself."""
    may_be_billed: bool = False
    """The response was lost, so the turn may have been completed and billed."""
    was_called: bool = True
    """False if the call was not made, because calls before it were throttled."""

    def __str__(self) -> str:
        return self.reason


@dataclass
class ModelRejected(Exception):
    """The service rejects this request and would do so again, or its response is unusable."""

    code: FailureCode
    reason: str
    used: Bill = field(default_factory=Bill)
    """What the unusable response was billed."""

    def __str__(self) -> str:
        return self.reason


class Model(Protocol):
    """Generates turns."""

    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        """Generate one turn, keeping ``draft`` up to date. May be cancelled at any moment.

        Raises:
            ModelBusy: A retry may succeed.
            ModelRejected: A retry would fail as well.
        """
        ...


@dataclass(frozen=True)
class ModelFile:
    """A file that a tool of the model produced, with its name and media type."""

    name: str
    media_type: str
    data: bytes


@dataclass
class ModelFileUnavailable(Exception):
    """A file could not be fetched."""

    reason: str
    name: str | None = None
    """Its name, if known."""
    may_come: bool = False
    """A retry may succeed."""

    def __str__(self) -> str:
        return self.reason


class ModelFiles(Protocol):
    """Files at the model provider."""

    async def fetch(self, file_id: str, max_bytes: int) -> ModelFile:
        """Download a file of at most ``max_bytes``, in bounded time. Raises ``ModelFileUnavailable``."""
        ...


@dataclass(frozen=True)
class PaceTurn:
    """Result of ``PaceStore.take``."""

    is_granted: bool
    """The calls may start."""
    pace: Pace | None
    """The pace after the attempt. None if calls are not limited."""


class PaceStore(Protocol):
    """The pace of calls, shared by all processes. All methods raise ``StoreUnavailable``. Times are Unix
    milliseconds."""

    def pace(self, pace_key: PaceKey) -> Pace | None:
        """The pace as last written (a consistent read), or None."""
        ...

    def put(self, pace_key: PaceKey, seen: Pace | None, pace: Pace) -> Pace | None:
        """Replace the pace by compare-and-set. Calls that others have started meanwhile do not count as a
        change.

        Returns:
            The stored pace after the call: this one, or another process's.
        """
        ...

    def take(self, pace_key: PaceKey, seen: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        """Start as many calls as ``seen`` allows per write, if it is still the current pace, the next call is
        due, and, unless ``is_urgent``, no task of high priority is waiting."""
        ...

    def note_urgent(self, pace_key: PaceKey, until: int) -> None:
        """Give tasks of high priority precedence until ``until``."""
        ...
