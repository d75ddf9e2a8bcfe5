"""One process: everything that runs in it stops when it dies."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.faults.freeze import Freeze

_here: ContextVar["Process | None"] = ContextVar("process", default=None)


class Process:
    """A process with these failpoints, which may be frozen for a while. Other processes may share its
    event loop."""

    def __init__(self, failpoints: Failpoints, freeze: Freeze | None = None) -> None:
        self.failpoints = failpoints
        self.freeze = freeze

    async def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``. Raises ``Crash`` as soon as the process is dead; all of its work stops."""
        _here.set(self)
        working = asyncio.ensure_future(work)
        death: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failpoints.on_death = lambda: None if death.done() else death.set_result(None)
        try:
            waited: set[asyncio.Future[Any]] = {working, death}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise Crash("at another place of the process")
            return working.result()
        except Crash:
            await self._stop()
            raise

    async def _stop(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task.get_context().get(_here) is self]
        tasks = [task for task in tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def current_process() -> Process | None:
    """The process that runs here, if it is a simulated one."""
    return _here.get()
