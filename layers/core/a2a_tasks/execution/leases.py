"""A task in the hands of this process: its work goes on until it is done, or must stop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from a2a_tasks.domain.task import Task
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.queues import Delivery

SAVING_SECONDS = 14.0
"""So long the saving of a finished turn goes on after the function's end or the deadline, or while it is not
known whether the task is still ours. Two writes that are each as slow as a call may be are made by then, and
what is left of the 20 s that the worker keeps back is enough to give the task back."""


class Stop(StrEnum):
    """Why work on a task must stop before it is done."""

    ENDED = "ended"  # canceled, or settled by somebody else: nothing is left to write
    LOST = "lost"  # another worker holds the task, or may: nothing may be begun
    DEADLINE = "deadline"
    SHUTDOWN = "shutdown"  # the function's own time is nearly over


class Stopped(Exception):
    """Work was stopped from outside."""

    def __init__(self, why: Stop) -> None:
        super().__init__(why)
        self.why = why


@dataclass
class LeasedTask:
    """A task that this worker holds, with the message that brought it.

    ``until`` is when its work must end, by its deadline or by the function's own (Unix milliseconds).
    ``is_ours`` waits until it is known whether this process holds it. ``is_late`` says that its work has
    begun when most of the function's time was over. ``watched`` is set when somebody wants
    to see what it says while it is at it.
    """

    delivery: Delivery
    task: Task
    until: int
    is_ours: Callable[[], Awaitable[bool]]
    is_late: bool = False
    stop: asyncio.Future[Stop] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    watched: asyncio.Event = field(default_factory=asyncio.Event)
    saved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.saved.set()
        self.notice(self.task)

    @asynccontextmanager
    async def saving(self) -> AsyncIterator[None]:
        """Something that was paid for is being saved: whatever stops the work waits for it a while."""
        self.saved.clear()
        try:
            yield
        finally:
            self.saved.set()

    def notice(self, task: Task) -> None:
        """The task as it was seen now."""
        if task.live:
            self.watched.set()

    def interrupt(self, why: Stop) -> None:
        """Ask the work to stop; the first reason counts."""
        if not self.stop.done():
            self.stop.set_result(why)

    async def supervise[T](self, work: Awaitable[T], clock: Clock, seconds: float, then: Stop) -> T:
        """The result of ``work``, or ``Stopped`` as soon as it is interrupted or ``seconds`` have passed.

        Work is cancelled and awaited before this returns, so that nothing of it goes on.
        """
        working = asyncio.ensure_future(work)
        timer = asyncio.ensure_future(clock.sleep(seconds))
        timer.add_done_callback(lambda done: None if done.cancelled() else self.interrupt(then))
        try:
            waited: set[asyncio.Future[Any]] = {working, self.stop}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and self.stop.result() is not Stop.ENDED:
                await self._until_saved(working, clock)
            if working.done():
                return working.result()
            raise Stopped(self.stop.result())
        finally:
            working.cancel()
            timer.cancel()
            await asyncio.gather(working, timer, return_exceptions=True)

    async def _until_saved(self, working: asyncio.Future[Any], clock: Clock) -> None:
        saved = asyncio.ensure_future(self.saved.wait())
        grace = asyncio.ensure_future(clock.sleep(SAVING_SECONDS))
        try:
            await asyncio.wait({working, saved, grace}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            saved.cancel()
            grace.cancel()
            await asyncio.gather(saved, grace, return_exceptions=True)
