"""Streams and waits that are open, each in a numbered place of its API key."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Place:
    """Held until ``until`` (Unix milliseconds) at the latest: a process that dies frees it so."""

    key_id: str
    number: int
    until: int


@dataclass(frozen=True)
class Full:
    """All places are held; the first is free at ``free_at`` (Unix milliseconds) at the latest."""

    free_at: int


class OpenStreamStore(Protocol):
    """Both methods raise ``StoreUnavailable``: then it may have been done. A place that nobody frees is free
    when its time is over."""

    def take(self, key_id: str, limit: int, now: int, until: int) -> Place | Full:
        """One of the key's ``limit`` places."""
        ...

    def free(self, place: Place) -> None:
        """Give a place back; one that somebody else holds by now stays theirs."""
        ...
