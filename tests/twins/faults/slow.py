"""A process some of whose calls take long, as under throttling."""

import asyncio
from collections.abc import Callable
from functools import partial

from tests.twins.clock import FakeClock
from tests.twins.faults.freeze import Freeze


class Slow(Freeze):
    """``RunBlocking`` that delays calls made by, or of, these methods by this many seconds. They take effect
    after that, even if no caller waits any more: a thread cannot be cancelled. ``delayed`` are the methods
    that were."""

    def __init__(self, clock: FakeClock, seconds: dict[str, float]) -> None:
        super().__init__(clock, start=0, seconds=0)
        self._seconds = seconds
        self.delayed: set[str] = set()

    async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        name = _name_of(call)
        found = {method for method in self._seconds if name.startswith(method)}
        self.delayed |= found
        seconds = max((self._seconds[method] for method in found), default=0)
        if not seconds:
            return call(*args, **kwargs)
        return await asyncio.shield(
            asyncio.ensure_future(self._later(seconds, partial(call, *args, **kwargs)))
        )

    async def _later[T](self, seconds: float, call: Callable[[], T]) -> T:
        await self._clock.sleep(seconds)
        return call()


def _name_of(call: Callable[..., object]) -> str:
    """The name of a function within a method begins with the method's."""
    return _name_of(call.func) if isinstance(call, partial) else getattr(call, "__qualname__", "")
