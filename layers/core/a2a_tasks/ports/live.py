"""What a task says while it is at it, for those who watch."""

from dataclasses import dataclass, field
from typing import Protocol

from a2a_tasks.domain.task import Progress


@dataclass(frozen=True)
class LiveChunk:
    """A piece of a turn's text and of its updates, and what the task was doing then. ``fence`` is the claim's
    that wrote it, so that a turn which was begun anew is not mixed with what its first try has said."""

    turn: int
    fence: int
    number: int
    text: str
    progress: Progress = field(default_factory=Progress)
    updates: str = ""


class LiveStore(Protocol):
    """All methods raise ``StoreUnavailable``."""

    def append(self, task_id: str, chunk: LiveChunk, until: int) -> None:
        """Keep a chunk at least until this moment (Unix milliseconds); the same again changes nothing."""
        ...

    def chunks(self, task_id: str) -> list[LiveChunk]:
        """All chunks by turn, fence and number, with one eventually consistent read."""
        ...
