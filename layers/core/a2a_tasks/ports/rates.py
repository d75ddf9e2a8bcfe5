"""How much callers have used of their rates, and the streams that they have open."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from a2a_tasks.domain.access.rate import Rate


@dataclass(frozen=True)
class Bucket:
    """What is counted together: one kind of use (``Metered``, or another enumeration's) by one API key, or
    whatever else has a rate."""

    key_id: str
    metered: StrEnum


@dataclass(frozen=True)
class Taking:
    """What came of a try. ``tat`` is the bucket's then (``domain/access/rate.py``), and ``total`` how many
    were taken of it in all, which tells a process what part of them was its own."""

    is_granted: bool
    tat: int
    total: int = field(default=0, compare=False)


class RateStore(Protocol):
    def take(self, bucket: Bucket, rate: Rate, count: int, now: int, seen: int = 0) -> Taking:
        """Take ``count``, if so many are there; else nothing is taken. ``now`` is in Unix microseconds.

        ``seen`` is a ``tat`` that the bucket has had, if one is known. It never falls while it matters, so a
        bucket that was full and cannot be otherwise by now is not asked.

        Raises ``StoreUnavailable``: then they may have been taken. Taking again may take them twice.
        """
        ...


@dataclass(frozen=True)
class StreamPlace:
    """Held until ``until`` (Unix milliseconds) at the latest: a process that dies frees it so."""

    key_id: str
    number: int
    until: int


@dataclass(frozen=True)
class PlacesFull:
    """All places are held; the first is free at ``free_at`` (Unix milliseconds) at the latest."""

    free_at: int


class OpenStreamStore(Protocol):
    """Both methods raise ``StoreUnavailable``: then it may have been done. A place that nobody frees is free
    when its time is over."""

    def take(self, key_id: str, limit: int, now: int, until: int) -> StreamPlace | PlacesFull:
        """One of the key's ``limit`` places."""
        ...

    def free(self, place: StreamPlace) -> None:
        """Give a place back; one that somebody else holds by now stays theirs."""
        ...
