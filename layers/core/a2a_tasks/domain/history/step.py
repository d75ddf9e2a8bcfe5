"""Summary of a task's record without its text. It is stored with the record, so that a timeline can be built
without reading the texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage


@dataclass(frozen=True)
class Step:
    """A reply of the model, or a tool call."""

    at: int
    """When it was saved (Unix milliseconds): after the reply or the tool's result, or, where ``is_open``,
    when the tool began."""
    attempt: int
    tool: str | None = None
    """The tool that was called. None for a reply."""
    is_open: bool = False
    """The tool has begun and has no result yet."""
    is_error: bool = False
    """The tool's result is an error."""
    child: TaskRef | None = None
    """The task that the call has started."""
    calls: int = 0
    """Tool calls of a reply."""
    used: Mapping[str, Usage] = field(default_factory=dict)
    """What a reply has used, by model."""
