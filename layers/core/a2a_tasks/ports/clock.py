"""Time and randomness, injected so that tests need not wait."""

from typing import Protocol


class Clock(Protocol):
    """Wall clock, monotonic clock and sleep of one process."""

    def now(self) -> int:
        """Wall clock time in Unix milliseconds."""
        ...

    def ticks(self) -> int:
        """Milliseconds of a monotonic clock that keeps running while Lambda freezes the process. Only
        differences are meaningful."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling coroutine for ``seconds``."""
        ...


class Entropy(Protocol):
    """Source of randomness for ids and jitter."""

    def bytes(self, count: int) -> bytes:
        """``count`` random bytes, fit for ids and tokens."""
        ...

    def fraction(self) -> float:
        """A random number in [0, 1)."""
        ...
