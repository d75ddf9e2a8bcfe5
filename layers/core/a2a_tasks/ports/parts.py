"""Answers that are sent in several parts: how far they are, and who is at it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class PartsRef:
    """One answer of a task to one chat."""

    task_id: str
    name: str


@dataclass(frozen=True)
class PartsSent:
    """So many parts, the first ones, are with WeCom. ``media_id`` is the file that was uploaded for one."""

    count: int = 0
    media_id: str | None = None


class PartsStore(Protocol):
    """All methods raise ``StoreUnavailable`` and can be repeated."""

    def hold(self, ref: PartsRef, holder: str, now: int, until: int) -> PartsSent | None:
        """Go on with an answer, as the only one until a moment (Unix milliseconds): what is sent of it. None
        while somebody else is at it."""
        ...

    def note(self, ref: PartsRef, holder: str, sent: PartsSent) -> bool:
        """Write down how far it is; False if it is another's by now."""
        ...

    def let_go(self, ref: PartsRef, holder: str) -> None:
        """Leave the rest to whoever comes next."""
        ...
