"""The system's clock and randomness."""

import os
import random
import sys
import time

_STEADY = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
"""CLOCK_BOOTTIME also counts time during which the machine was suspended."""


class SystemClock:
    """``Clock``."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def ticks(self) -> int:
        return time.clock_gettime_ns(_STEADY) // 1_000_000

    async def sleep(self, seconds: float) -> None:
        import asyncio  # here, since of all functions only the worker needs an event loop

        await asyncio.sleep(seconds)


class SystemEntropy:
    """``Entropy``. Only ``bytes`` are cryptographically secure."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def fraction(self) -> float:
        return random.random()  # noqa: S311  spreads retries, protects nothing
