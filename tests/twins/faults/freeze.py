"""A frozen process: it is suspended for a while, as a sandbox may be, and continues as if nothing had
happened."""

from collections.abc import Callable

from a2a_tasks.ports.clock import Clock


class Freeze:
    """``Clock`` and ``RunBlocking`` of one process, which is frozen ``start`` seconds from now for
    ``seconds``, or, with ``calls``, as soon as it has made this many calls from then on.

    Time passes meanwhile: what was due during the freeze, it does after it.
    """

    def __init__(self, clock: Clock, start: float, seconds: float, calls: int = 0) -> None:
        self._clock = clock
        self._start_ms = clock.now() + round(start * 1000)
        self._length_ms = round(seconds * 1000)
        self._calls = calls

    def now(self) -> int:
        return self._clock.now()

    def ticks(self) -> int:
        return self._clock.ticks()

    def has_begun(self) -> bool:
        """The process is frozen, or has been: from now on it may have lost its lease or slots."""
        return self._calls <= 0 and self._start_ms <= self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self.thaw()

    async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self.thaw()
        result = call(*args, **kwargs)
        self._count()
        await self.thaw()
        return result

    async def thaw(self) -> None:
        """Returns only while the process is not frozen."""
        end_ms = self._start_ms + self._length_ms
        if self.has_begun() and self._clock.now() < end_ms:
            await self._clock.sleep((end_ms - self._clock.now()) / 1000)

    def _count(self) -> None:
        now = self._clock.now()
        if self._calls > 0 and self._start_ms <= now:
            self._calls -= 1
            self._start_ms = max(self._start_ms, now)
