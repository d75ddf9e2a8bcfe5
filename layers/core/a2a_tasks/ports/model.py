"""The model behind the agents: one turn at a time, the files that its tools make, and its pace."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.pace import Pace, Way
from a2a_tasks.domain.pricing.bill import Bill
from a2a_tasks.domain.tools.catalog import McpServer

TOOL_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


@dataclass(frozen=True)
class Prompt:
    """What stays the same in every turn of a task. Thinking and prompt caching are bound to it, so it is
    made once, kept with the first checkpoint, and never made again.

    ``tools`` are tool definitions of the Messages API, server tools and MCP toolsets too. ``mcp_servers`` are
    names: where a server is and what opens it is asked of the registry for each turn, so that whoever can
    write a stored prompt cannot have a token sent elsewhere. With ``manages_context`` the service clears old
    tool results and compacts a conversation that grows too long.
    ``thinking`` is the request's own, and ``betas`` are what it needs beside those that follow from the rest;
    prompts of earlier releases have neither. ``fallbacks`` are the models that the service asks where this
    one refuses, as its API takes them.
    """

    model: str
    system: str
    tools: list[dict[str, Any]] = field(default_factory=list)
    mcp_servers: list[str] = field(default_factory=list)
    output_schema: dict[str, Any] | None = None
    effort: str | None = None
    manages_context: bool = False
    thinking: dict[str, Any] | None = None
    betas: list[str] = field(default_factory=list)
    fallbacks: str | list[dict[str, str]] | None = None

    @property
    def shows_updates(self) -> bool:
        """Whether the text of thinking is what the model says of its progress, for callers to see."""
        return (self.thinking or {}).get("display") == "updates"

    @property
    def drops_thinking(self) -> bool:
        """Whether thinking that does not fit what comes before it is dropped, not refused."""
        return bool((self.thinking or {}).get("block_binding"))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Prompt":
        values = json.loads(text)
        # earlier releases kept the servers whole
        names = [kept if isinstance(kept, str) else kept["name"] for kept in values.pop("mcp_servers")]
        return cls(**values, mcp_servers=names)


@dataclass(frozen=True)
class ModelRequest:
    """One request for a turn. ``messages`` are Messages API message objects; ``container`` is the sandbox of
    an earlier turn's code execution; ``mcp_servers`` are those that the prompt names."""

    prompt: Prompt
    messages: list[dict[str, Any]]
    max_tokens: int
    container: str | None = None
    mcp_servers: Sequence[McpServer] = ()


@dataclass(frozen=True)
class ModelReply:
    """A finished turn. ``content`` are its blocks as JSON objects, exactly as they must be sent back;
    ``text`` is all its text; ``usage`` is one turn's, without a price. ``dropped_thinking`` are the reasons,
    each once, for which earlier thinking was not shown to the model."""

    content: list[dict[str, Any]]
    text: str
    stop_reason: str
    usage: Bill
    refusal_category: str | None = None
    container: str | None = None
    dropped_thinking: tuple[str, ...] = ()

    @property
    def tool_uses(self) -> list[dict[str, Any]]:
        """The calls of tools that run here, in order: ``{"type": "tool_use", "id", "name", "input"}``."""
        return [block for block in self.content if block["type"] == "tool_use"]

    @property
    def tools(self) -> list[str]:
        """The names of all tools that it calls, in order, also of those that run on the model's side."""
        return [block["name"] for block in self.content if block["type"] in TOOL_CALLS]


@dataclass
class Draft:
    """A turn in the making, readable at any moment: its text and its updates so far, and what it has been
    billed so far; ``is_told`` once that is all that it is billed. ``begun`` is set when the model has begun
    to answer."""

    text: str = ""
    usage: Bill = field(default_factory=Bill)
    updates: str = ""
    is_told: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)


def updates_in(content: Iterable[Mapping[str, Any]]) -> str:
    """What a reply's thinking says, an empty line between blocks; nothing of what the service hides."""
    texts = (block["thinking"].rstrip() for block in content if block["type"] == "thinking")
    return "\n\n".join(text for text in texts if text)


@dataclass
class ModelBusy(Exception):
    """Overloaded, rate-limited, unreachable, or cut off: trying again later may work.

    ``retry_after`` is in seconds, where the service said it; ``used`` is what the broken turn was billed.
    ``throttled`` says that the service turned the call away, since it has too many, which is no fault of the
    call; ``overloaded`` that it is the model itself which has too much to do, so that another one may answer;
    ``was_called`` is False for a call that was not even made, since others have been turned away;
    ``may_be_billed`` that nobody knows what the API did, since its answer was lost.
    """

    reason: str
    retry_after: float | None = None
    used: Bill = field(default_factory=Bill)
    overloaded: bool = False
    throttled: bool = False
    may_be_billed: bool = False
    was_called: bool = True

    def __str__(self) -> str:
        return self.reason


@dataclass
class ModelRejected(Exception):
    """The service refuses this request, and would refuse it again; or it has answered what cannot be taken,
    and ``used`` is what that was billed."""

    code: FailureCode
    reason: str
    used: Bill = field(default_factory=Bill)

    def __str__(self) -> str:
        return self.reason


class Model(Protocol):
    async def turn(self, request: ModelRequest, draft: Draft) -> ModelReply:
        """Raises ``ModelBusy`` or ``ModelRejected``; can be cancelled at any moment. Keeps ``draft`` current
        while the turn lasts."""
        ...


@dataclass(frozen=True)
class ModelFile:
    """A file with the name and the media type that the service gives it."""

    name: str
    media_type: str
    data: bytes


@dataclass
class ModelFileUnavailable(Exception):
    """A file that cannot be had, why, and whether another try may have it. ``name`` is its name, if known."""

    reason: str
    name: str | None = None
    may_come: bool = False

    def __str__(self) -> str:
        return self.reason


class ModelFiles(Protocol):
    async def fetch(self, file_id: str, max_bytes: int) -> ModelFile:
        """The file, if it is not larger. Raises ``FileUnavailable``, within a bounded time."""
        ...


@dataclass(frozen=True)
class PaceTurn:
    """What came of a try to start calls; ``pace`` is as it stands then, None if there is none."""

    is_granted: bool
    pace: Pace | None


class PaceStore(Protocol):
    """All methods raise ``StoreUnavailable``. Times are Unix milliseconds."""

    def pace(self, way: Way) -> Pace | None:
        """As last written (a consistent read)."""
        ...

    def put(self, way: Way, seen: Pace | None, pace: Pace) -> Pace | None:
        """Set the pace, if it is still the one that was ``seen`` but for what others have taken of it
        (``set_at`` and ``taken_at`` tell); the pace as it stands then."""
        ...

    def take(self, way: Way, seen: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        """Start as many calls as ``seen`` allows with one write, if it is still the pace, it is time for the
        next call, and, without ``is_urgent``, none of a higher priority wait."""
        ...

    def note_urgent(self, way: Way, until: int) -> None:
        """Tasks of high priority wait: they go first until then."""
        ...
