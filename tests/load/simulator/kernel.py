"""Virtual time for coroutines and for blocking code alike: an event loop that never waits, and greenlets.

Coroutines run on the loop unchanged. A blocking call runs in a greenlet of its own and is suspended in
``pause`` while others continue, as a thread would be. All of it is one thread, so equal seeds give equal
runs.
"""

import asyncio
import heapq
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from contextvars import Context
from typing import Any

from greenlet import getcurrent, greenlet

from tests.twins.clock import START_MS, FakeClock, Stuck
from tests.twins.faults.failpoints import Crash

type _Timer = list[Any]
"""The time, a number that makes it unique, and the callback: None once it is cancelled."""


class VirtualLoop(BaseEventLoop):
    """An event loop whose clock advances to the next timer as soon as no callback is ready."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual_now = 0.0
        self._timers: list[_Timer] = []
        self._timers_set = 0

    def time(self) -> float:
        """Seconds since the beginning."""
        return self._virtual_now

    def set_timer(self, when: float, call: Callable[[], object]) -> _Timer:
        """Call at this time. To cancel it, set its callback to None."""
        self._timers_set += 1
        timer: _Timer = [when, self._timers_set, call]
        heapq.heappush(self._timers, timer)
        return timer

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self.set_timer(when, lambda: None if handle.cancelled() else handle._run())
        return handle

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        if not ready:
            self._ring()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _ring(self) -> None:
        """Advance to the next timer, and call what is due. Raises ``Stuck`` if there is none."""
        timers = self._timers
        if not timers:
            raise Stuck("nothing is left that could wake the work")
        self._virtual_now = max(self._virtual_now, timers[0][0])
        while timers and timers[0][0] <= self._virtual_now:
            call = heapq.heappop(timers)[2]
            if call is not None:
                call()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is skipped at its time."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There are no other threads."""


class LoopClock(FakeClock):
    """``Clock`` of the loop's time. Only the loop advances it."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> int:
        return START_MS + int(self._loop.time() * 1000 + 1e-6)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Kernel:
    """Starts blocking work, and suspends it."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.clock = LoopClock(self.loop)
        self._hub = getcurrent()
        self._errors: list[BaseException] = []
        self.loop.set_exception_handler(self._note_error)

    @property
    def time(self) -> float:
        """Seconds since the beginning."""
        return self.loop.time()

    def start(self, work: Callable[[], object]) -> None:
        """Start blocking work. An exception that it raises ends the simulation, so it must catch expected
        ones."""
        started = greenlet(work, self._hub)
        if getcurrent() is self._hub:
            started.switch()
        else:
            self.wake(started)

    def pause(self, seconds: float) -> None:
        """Suspend for this long. Only for blocking work."""
        timer = self.loop.set_timer(self.loop.time() + seconds, getcurrent().switch)
        try:
            self._hub.switch()
        except BaseException:
            timer[2] = None
            raise

    def wait(self) -> None:
        """Suspend until ``wake`` is called. Only for blocking work."""
        self._hub.switch()

    def wake(self, waiting: greenlet) -> None:
        self.loop.call_soon(waiting.switch)

    def run_until(self, seconds: float) -> None:
        """Continue until this many seconds since the beginning. Raises uncaught exceptions."""
        self.loop.run_until_complete(asyncio.sleep(max(0.0, seconds - self.time)))
        if self._errors:
            raise self._errors[0]

    def close(self) -> None:
        """Cancel all running coroutines."""
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(tasks))
        self.loop.close()

    def _note_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Crash):
            self._errors.append(error)


class Lock:
    """The counterpart of ``threading.Lock`` for blocking work."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._is_held = False
        self._waiting: list[greenlet] = []

    def __enter__(self) -> None:
        while self._is_held:
            self._waiting.append(getcurrent())
            self._kernel.wait()
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            self._kernel.wake(each)
