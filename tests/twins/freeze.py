"""A frozen process: it stands still for a while, as a sandbox may, and goes on as if nothing had happened."""

from collections.abc import Callable

from a2a_tasks.ports.clock import Clock


class Freeze:
    """``Clock`` and ``RunBlocking`` of one process, which stops ``start`` seconds from now for ``seconds``.

    Time goes on without it: what it meant to do in between, it does on waking.
    """

    def __init__(self, clock: Clock, start: float, seconds: float) -> None:
        self._clock = clock
        self._start_ms = clock.now() + round(start * 1000)
        self._end_ms = self._start_ms + round(seconds * 1000)

    def now(self) -> int:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self.thaw()

    async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self.thaw()
        result = call(*args, **kwargs)
        await self.thaw()
        return result

    async def thaw(self) -> None:
        """Go on only where the process is not frozen."""
        if self._start_ms <= self._clock.now() < self._end_ms:
            await self._clock.sleep((self._end_ms - self._clock.now()) / 1000)
