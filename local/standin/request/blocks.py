"""The blocks of a reply: whole, and as the events that begin and fill them in a stream."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A text block."""

    text: str

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return {"type": "text", "text": self.text}


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thinking block with its signature."""

    text: str
    signature: str

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return {"type": "thinking", "thinking": self.text, "signature": self.signature}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool: `type` is tool_use, server_tool_use or mcp_tool_use, which has a server name."""

    type: str
    name: str
    input: dict[str, Any]
    id: str
    server_name: str | None = None

    @property
    def text(self) -> str:
        """Its input as JSON text."""
        return json.dumps(self.input, ensure_ascii=False)

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        block = {"type": self.type, "id": self.id, "name": self.name, "input": self.input}
        return block if self.server_name is None else block | {"server_name": self.server_name}


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The result of a tool that the API ran; it is sent whole, in content_block_start."""

    block: dict[str, Any]
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return self.block


@dataclass(frozen=True, slots=True)
class Compaction:
    """A compaction block; the summary is sent in one piece."""

    text: str
    encrypted_content: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        return {"type": "compaction", "content": self.text, "encrypted_content": self.encrypted_content}


@dataclass(frozen=True, slots=True)
class Fallback:
    """Where one model declined and the next continues; it is sent whole, in content_block_start."""

    category: str | None
    declined: str
    model: str
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """The finished block."""
        trigger = {"type": "refusal", "category": self.category}
        models = {"from": {"model": self.declined}, "to": {"model": self.model}}
        return {"type": "fallback"} | models | {"trigger": trigger}


type Block = Text | Thinking | ToolCall | ToolOutput | Compaction | Fallback
