"""A task leased by this process: its work runs until it is done or must stop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from a2a_tasks.domain.task import Task
from a2a_tasks.execution.process.futures import cancel, first_of
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.queues import Delivery

SAVING_SECONDS = 14.0
"""How long saving a finished turn may continue after the end of the function's time or the deadline, or
while the lease is in doubt. Enough for two writes at their slowest; what remains of the 20 s that the
worker reserves is enough to release the task."""


class StopCause(StrEnum):
    """Why work on a task must stop before it is done."""

    ENDED = "ended"  # ended by another process: nothing is left to write
    LOST = "lost"  # another worker may hold the task: nothing may be started
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"  # the function's own time is nearly over


class Stopped(Exception):
    """Work was stopped from outside."""

    def __init__(self, why: StopCause) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class LeasedTask:
    """A task that this worker holds, and the message that led to it."""

    delivery: Delivery
    task: Task
    until: int
    """When its work must end: its deadline, or the end of the function's time (Unix milliseconds)."""
    is_ours: Callable[[], Awaitable[bool]]
    """Waits until it is known whether this process still holds it."""
    is_late: bool = False
    """It was started when most of the function's time was over."""
    stop: asyncio.Future[StopCause] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    watched: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client streams its text."""
    saved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.saved.set()
        self.notice(self.task)

    @asynccontextmanager
    async def saving(self) -> AsyncIterator[None]:
        """Protects a save of paid work: whatever stops the work waits for the block for up to
        ``SAVING_SECONDS``."""
        self.saved.clear()
        try:
            yield
        finally:
            self.saved.set()

    def notice(self, task: Task) -> None:
        """Update the task as just read."""
        if task.live:
            self.watched.set()

    def interrupt(self, why: StopCause) -> None:
        """Ask the work to stop; the first reason wins."""
        if not self.stop.done():
            # the first reason stays, because the outcome depends on it and may already be in progress
            self.stop.set_result(why)

    async def supervise[T](self, work: Awaitable[T], clock: Clock, seconds: float, then: StopCause) -> T:
        """Run ``work``. Raises ``Stopped`` once it is interrupted or ``seconds`` have passed; then the
        work is cancelled and awaited first, so that nothing of it continues."""
        working = asyncio.ensure_future(work)
        timer = asyncio.ensure_future(clock.sleep(seconds))
        timer.add_done_callback(lambda done: None if done.cancelled() else self.interrupt(then))
        try:
            waited: set[asyncio.Future[Any]] = {working, self.stop}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            # an ended task accepts no checkpoint, so there is nothing to wait for
            if not working.done() and self.stop.result() is not StopCause.ENDED:
                await first_of([working], self.saved.wait(), clock.sleep(SAVING_SECONDS))
            # the work finished first: its result counts, and the conditional write decides
            if working.done():
                return working.result()
            raise Stopped(self.stop.result())
        finally:
            # awaited, so that this work does not overlap with the task's next holder
            await cancel(working, timer)
