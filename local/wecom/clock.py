"""The double's clock, which can be advanced."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """The double's source of time. Tests may share one with the system under test."""

    def now(self) -> int:
        """Unix milliseconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class MovableClock:
    """Real time, plus the time that it has been advanced."""

    def __init__(self) -> None:
        self._offset_ms = 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self._offset_ms

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Advance the clock; sleepers continue to sleep in real time."""
        self._offset_ms += round(seconds * 1000)


class JumpingClock(MovableClock):
    """Every sleep ends at once and advances the clock: six minutes of refreshes take no time."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)
