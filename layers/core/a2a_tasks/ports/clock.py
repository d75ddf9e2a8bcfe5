"""Time and chance, injected so that rules can be tested without waiting."""

from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Unix milliseconds."""
        ...

    def ticks(self) -> int:
        """Milliseconds of a clock that nobody sets, and that goes on while the process stands still; only
        differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes: ...

    def fraction(self) -> float:
        """A number in [0, 1)."""
        ...
