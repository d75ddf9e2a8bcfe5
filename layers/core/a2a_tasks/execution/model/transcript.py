"""A task's conversation with the model, as its records hold it; every request is made from it.

Records of a task, each a JSON document:

    PROMPT                    what stays the same in all turns (``Prompt``), and where the task belongs to a
                              conversation, what was said before: ``{"prompt", "history"?,
                              "beginsUntrusted"?}``
    TURN#<n>                  a reply: ``{"content", "stopReason", "container"?}``
    TURN#<n>#TOOL#<call id>   a tool call: ``{"state": "started"}``, or ``{"state": "child", "child"}``,
                              then ``{"state": "done", "text", "isError"?, "workspace"?, "artifact"?,
                              "child"?}``, or a caller's answer: ``{"state": "done", "text", "isAnswer",
                              "question"?, "parts"?, "envelope"?, "answerId"?}``
    TURN#<n>#TOOL#<file id>   a file that the reply's code has made: ``{"state": "done", "text",
                              "artifact"}``, or with ``"isError"`` why it could not be kept
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.pricing.bill import Bill
from a2a_tasks.domain.record_keys import CALL, PROMPT_KEY, call_id_of, turn_number
from a2a_tasks.domain.task import Artifact, Payload, TaskRef
from a2a_tasks.domain.tools.catalog import ToolAnswer
from a2a_tasks.ports.model import ModelReply, Prompt
from a2a_tasks.tasks.content import blocks_of


@dataclass(frozen=True)
class ToolCall:
    """A tool call of a saved turn, and its state."""

    call_id: str
    name: str
    input: Any
    started: bool = False
    child: TaskRef | None = None
    answer: ToolAnswer | None = None


@dataclass
class Turn:
    """A saved reply."""

    number: int
    """From 1."""
    content: list[dict[str, Any]]
    stop_reason: str
    container: str | None
    calls: list[ToolCall]
    """Its tool calls, in order."""

    @property
    def open_calls(self) -> list[ToolCall]:
        """Calls without a result."""
        return [call for call in self.calls if call.answer is None]

    @property
    def text(self) -> str:
        """All text blocks joined."""
        return "".join(block["text"] for block in self.content if block["type"] == "text")

    def to_reply(self) -> ModelReply:
        """The saved reply, without usage, which was counted when it was saved."""
        return ModelReply(self.content, self.text, self.stop_reason, Bill(), container=self.container)

    def note(self, call: ToolCall) -> None:
        """Update the state of a call."""
        self.calls = [call if known.call_id == call.call_id else known for known in self.calls]


@dataclass
class Transcript:
    """A task's conversation with the model."""

    opening: dict[str, Any]
    """The caller's message."""
    prompt: Prompt | None = None
    saved_prompt: Prompt | None = None
    """The prompt as stored."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """Earlier messages of the conversation."""
    begins_untrusted: bool = False
    """Content from outside may have influenced the history or the message."""
    turns: list[Turn] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Files that could not be stored, as texts by file id."""
    workspace: Payload | None = None

    @classmethod
    def from_documents(
        cls,
        opening: dict[str, Any],
        documents: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        begins_untrusted: bool = False,
    ) -> "Transcript":
        """Rebuild a transcript from ``(key, document)`` pairs in the order of their keys."""
        transcript = cls(opening, begins_untrusted=begins_untrusted)
        for key, document in documents:
            if key == PROMPT_KEY:
                transcript.prompt = transcript.saved_prompt = Prompt.from_json(document["prompt"])
                transcript.history = document.get("history", [])
                transcript.begins_untrusted |= document.get("beginsUntrusted", False)
            elif CALL not in key:
                transcript.turns.append(_turn(turn_number(key), document))
            else:
                # exists already, because keys sort a turn before its calls
                turn = transcript.turns[turn_number(key) - 1]
                transcript.note(turn, call_id_of(key), document)
        return transcript

    def add(self, reply: ModelReply) -> Turn:
        """Append a reply."""
        turn = self.turn_of(reply)
        self.turns.append(turn)
        return turn

    def turn_of(self, reply: ModelReply) -> Turn:
        """A reply as the next turn, not appended."""
        return _turn(len(self.turns) + 1, turn_document(reply))

    def note(self, turn: Turn, call_id: str, document: Mapping[str, Any]) -> None:
        """Apply the record of a tool call."""
        for call in turn.calls:
            if call.call_id == call_id:
                turn.note(_noted(call, document))
                break
        else:
            if document.get("isError"):
                self.missing[call_id] = document["text"]
        if "workspace" in document:
            self.workspace = Payload(**document["workspace"])
        if "artifact" in document:
            artifact = Artifact.of(document["artifact"])
            self.artifacts[artifact.artifact_id] = artifact

    @property
    def last(self) -> Turn | None:
        """The last turn, if any."""
        return self.turns[-1] if self.turns else None

    @property
    def container(self) -> str | None:
        """Id of the code execution container, if any."""
        return next((turn.container for turn in reversed(self.turns) if turn.container), None)

    @property
    def text(self) -> str:
        """The model's last text, for a partial output."""
        return next((turn.text for turn in reversed(self.turns) if turn.text), "")

    @property
    def children(self) -> int:
        """Number of tasks started."""
        return sum(call.child is not None for turn in self.turns for call in turn.calls)

    @property
    def open_children(self) -> list[str]:
        """Ids of started tasks whose results are missing."""
        calls = [call for turn in self.turns for call in turn.open_calls]
        return [call.child.task_id for call in calls if call.child is not None]

    def has_read_untrusted(self, turn: Turn) -> bool:
        """Whether the model had seen content from outside when it generated this turn: results of server
        tools, files by address, results of other agents, or texts written by an agent that had seen such
        content. Results of other calls in the same turn do not count."""
        if self.begins_untrusted or any(map(_is_from_outside, _blocks(self.opening["content"]))):
            return True
        earlier = self.turns[: turn.number - 1]
        if any(_is_from_outside(block) for each in (*earlier, turn) for block in each.content):
            return True
        answered = [call for each in earlier for call in each.calls if call.answer is not None]
        return any(call.child is not None or _has_address(call.answer) for call in answered)

    def messages(self) -> list[dict[str, Any]]:
        """All messages of the next request. Each list extends the previous one byte for byte."""
        messages = [*self.history, self.opening]
        for turn in self.turns:
            # the API rejects a message without content
            if turn.content:
                messages.append({"role": "assistant", "content": turn.content})
            if turn.calls:
                results = [_result(call) for call in turn.calls]
                messages.append({"role": "user", "content": results})
        return messages


def _blocks(content: Any) -> Sequence[Mapping[str, Any]]:
    return () if isinstance(content, str) else content


def _is_from_outside(block: Mapping[str, Any]) -> bool:
    """Whether a block is the result of a server tool, or a file that the API fetches."""
    source = block.get("source")
    return block["type"].endswith("_tool_result") or (isinstance(source, Mapping) and source["type"] == "url")


def _has_address(answer: ToolAnswer | None) -> bool:
    return answer is not None and any("url" in part for part in answer.parts)


def turn_document(reply: ModelReply) -> dict[str, Any]:
    """The record of a reply."""
    document: dict[str, Any] = {"content": reply.content, "stopReason": reply.stop_reason}
    return document | ({"container": reply.container} if reply.container else {})


def _turn(number: int, document: Mapping[str, Any]) -> Turn:
    content = document["content"]
    # only this stop reason waits for results; with any other a call's input may be incomplete
    uses_tools = document["stopReason"] == "tool_use"
    calls = [
        ToolCall(block["id"], block["name"], block["input"])
        for block in content
        if uses_tools and block["type"] == "tool_use"
    ]
    return Turn(number, content, document["stopReason"], document.get("container"), calls)


def _noted(call: ToolCall, document: Mapping[str, Any]) -> ToolCall:
    child = TaskRef(**document["child"]) if "child" in document else call.child
    answer = call.answer
    if document["state"] == "done":
        parts = tuple(document.get("parts", ()))
        answer = ToolAnswer(document["text"], document.get("isError", False), parts)
    return ToolCall(call.call_id, call.name, call.input, started=True, child=child, answer=answer)


def _result(call: ToolCall) -> dict[str, Any]:
    answer = call.answer or ToolAnswer("", is_error=True)
    shown: Any = blocks_of(answer.parts) if answer.parts else answer.text
    block = {"type": "tool_result", "tool_use_id": call.call_id, "content": shown}
    return block | ({"is_error": True} if answer.is_error else {})
