"""The double's time, which can be moved on."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the double takes its time from. Tests may share one with what they test."""

    def now(self) -> int:
        """Unix milliseconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class MovableClock:
    """Real time, plus how far it has been moved on."""

    def __init__(self) -> None:
        self._offset_ms = 0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self._offset_ms

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Let that much time have passed; what sleeps goes on sleeping."""
        self._offset_ms += round(seconds * 1000)


class JumpingClock(MovableClock):
    """Every sleep is over at once, and the time has passed: six minutes of refreshes take no time."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)
