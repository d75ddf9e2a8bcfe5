"""The real clock and the real chance."""

import os
import random
import time


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        import asyncio  # here, since of all functions only the worker needs an event loop

        await asyncio.sleep(seconds)


class SystemEntropy:
    def bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def fraction(self) -> float:
        return random.random()  # noqa: S311  spreads retries, protects nothing
