"""Time and chance, injected so that rules can be tested without waiting."""

from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Unix milliseconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes: ...

    def fraction(self) -> float:
        """A number in [0, 1)."""
        ...
