"""A clock that stands still until it is advanced."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
SETTLE_ROUNDS = 60
"""Turns of the event loop after which all work that waits for no time has settled."""


class Stuck(AssertionError):
    """The work waits for something that no amount of time will bring."""


type _Alarm = tuple[int, int, Callable[[], object]]
"""The time in microseconds; a number, so that no two are equal; and the action."""


class FakeClock:
    """``Clock`` under a test's control: time passes only by ``advance``, ``run`` and ``drive``."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self._now_us = start_ms * 1000
        self._alarms: list[_Alarm] = []
        self._number = 0

    def now(self) -> int:
        return self._now_us // 1000

    def ticks(self) -> int:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        """Returns once the clock has advanced this far, and not before."""
        woken = asyncio.get_running_loop().create_future()
        alarm = self._set(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            if alarm in self._alarms:
                self._alarms.remove(alarm)
                heapq.heapify(self._alarms)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Call ``action`` once this much time has passed, between whatever else then happens."""
        self._set(seconds, action)

    def advance(self, seconds: float) -> None:
        """Advance at once, ringing the alarms that become due on the way."""
        self._advance_to(self._now_us + round(seconds * 1_000_000))

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` in an event loop of its own, advancing whenever nothing else can happen."""
        return asyncio.run(self.drive(work))

    async def drive[T](self, work: Awaitable[T]) -> T:
        """The same within a running loop. Raises ``Stuck`` if the work waits and no alarm is set."""
        working = asyncio.ensure_future(work)
        while True:
            await self.settle()
            if working.done():
                return working.result()
            if not self._alarms:
                working.cancel()
                raise Stuck("nothing is left that could wake the work")
            self._advance_to(self._alarms[0][0])

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        for _ in range(SETTLE_ROUNDS):
            await asyncio.sleep(0)
            if not ready:
                return  # the loop has no other callbacks

    def _set(self, seconds: float, ring: Callable[[], object]) -> _Alarm:
        self._number += 1
        alarm = (self._now_us + max(0, round(seconds * 1_000_000)), self._number, ring)
        heapq.heappush(self._alarms, alarm)
        return alarm

    def _advance_to(self, at_us: int) -> None:
        while self._alarms and self._alarms[0][0] <= at_us:
            rings_at, _, ring = heapq.heappop(self._alarms)
            self._now_us = max(self._now_us, rings_at)
            ring()
        self._now_us = max(self._now_us, at_us)
