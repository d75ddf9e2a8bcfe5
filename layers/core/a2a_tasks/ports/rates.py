"""How much callers have used of their rates."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from a2a_tasks.domain.rate import Rate


@dataclass(frozen=True)
class Bucket:
    """What is counted together: one kind of use (``Metered``, or another enumeration's) by one API key, or
    whatever else has a rate."""

    key_id: str
    metered: StrEnum


@dataclass(frozen=True)
class Taking:
    """What came of a try. ``tat`` is the bucket's then (``domain/rate.py``), and ``total`` how many were
    taken of it in all, which tells a process what part of them was its own."""

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
