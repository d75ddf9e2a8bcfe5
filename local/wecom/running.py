"""A double in a thread of the calling process, for tests."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from local.wecom.client import WeComClient
from local.wecom.clock import Clock, MovableClock
from local.wecom.server import serving


@contextmanager
def running_wecom(
    host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
) -> Iterator[WeComClient]:
    """Serve for the length of the block, on a free port unless one is given. OSError if it is taken.

    `clock` is real time that can be moved on, unless one is given, such as a JumpingClock that is shared with
    what is tested.
    """
    ready: Future[tuple[int, Callable[[], object]]] = Future()
    arguments = (host, port, clock or MovableClock(), ready)
    thread = threading.Thread(target=_run, args=arguments, name="wecom", daemon=True)
    thread.start()
    bound_port, stop = ready.result()
    try:
        yield WeComClient(f"http://{host}:{bound_port}")
    finally:
        stop()
        thread.join()


def _run(host: str, port: int, clock: Clock, ready: Future[tuple[int, Callable[[], object]]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        async with serving(host, port, clock) as bound_port:
            ready.set_result((bound_port, lambda: loop.call_soon_threadsafe(stopped.set)))
            await stopped.wait()

    try:
        asyncio.run(main())
    except OSError as error:
        ready.set_exception(error)
