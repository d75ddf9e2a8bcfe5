"""Usage of rate limits, and open streams per API key."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from a2a_tasks.domain.access.rate import Rate


@dataclass(frozen=True)
class Bucket:
    """What is counted together: one kind of usage by one API key, or by anything else that has a rate."""

    key_id: str
    kind: StrEnum
    """The kind of usage (``RateLimitKind``, or a member of another enumeration)."""


@dataclass(frozen=True)
class TakeResult:
    """Result of ``RateStore.take``."""

    is_granted: bool
    tat: int
    """Theoretical arrival time of the bucket after the call (``domain/access/rate.py``)."""
    total: int = field(default=0, compare=False)
    """Tokens taken from the bucket in all. A process can tell its own share of them."""


class RateStore(Protocol):
    """Token buckets that all processes share."""

    def take(self, bucket: Bucket, rate: Rate, count: int, now: int, seen: int = 0) -> TakeResult:
        """Take ``count`` tokens, all or none.

        Args:
            bucket: Where from.
            rate: Its refill rate and size.
            count: How many.
            now: Unix **micro**seconds.
            seen: A ``tat`` of this bucket read earlier, or 0. Since it does not fall, a bucket that must
                still be exhausted is refused without a call.

        Raises:
            StoreUnavailable: They may have been taken. Calling again may take them twice.
        """
        ...


@dataclass(frozen=True)
class StreamPlace:
    """One of a key's places for open streams."""

    key_id: str
    number: int
    until: int
    """Unix milliseconds at which it is freed at the latest, so that a crashed process does not keep it."""


@dataclass(frozen=True)
class PlacesFull:
    """All places of a key are in use."""

    free_at: int
    """When the first is free at the latest (Unix milliseconds)."""


class OpenStreamStore(Protocol):
    """Limits open streams per key. A place that is never freed expires. Both methods raise
    ``StoreUnavailable``, in which case the call may have taken effect."""

    def take(self, key_id: str, limit: int, now: int, until: int) -> StreamPlace | PlacesFull:
        """Take one of the key's ``limit`` places until ``until`` at the latest (times in Unix
        milliseconds)."""
        ...

    def free(self, place: StreamPlace) -> None:
        """Give a place back. One that has expired and was taken by another stream is left alone."""
        ...
