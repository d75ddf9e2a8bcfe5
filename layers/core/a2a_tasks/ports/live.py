"""The text of turns in progress, for clients that stream a task."""

from dataclasses import dataclass, field
from typing import Protocol

from a2a_tasks.domain.task import Progress


@dataclass(frozen=True)
class LiveChunk:
    """A piece of a turn's text."""

    turn: int
    """Number of the turn."""
    fence: int
    """Fence of the claim that wrote it. A turn that was restarted has chunks of several fences, which must
    not be mixed."""
    number: int
    """Position within the turn and fence."""
    text: str
    progress: Progress = field(default_factory=Progress)
    """What the task was doing at that moment."""
    updates: str = ""
    """Progress updates of the model, from its thinking."""


class LiveStore(Protocol):
    """Short-lived storage of chunks. All methods raise ``StoreUnavailable``."""

    def append(self, task_id: str, chunk: LiveChunk, until: int) -> None:
        """Store a chunk at least until ``until`` (Unix milliseconds). Idempotent."""
        ...

    def chunks(self, task_id: str, since: LiveChunk | None = None) -> list[LiveChunk]:
        """The chunks of a task from ``since`` on, or all, sorted by turn, fence and number (one eventually
        consistent read). ``since`` is among them as it is now: a write whose response was lost is repeated
        with more text."""
        ...
