"""A stand-in in a thread of the calling process, for tests."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from local.standin.client import StandInClient
from local.standin.server import serving


@contextmanager
def running_standin(host: str = "127.0.0.1", port: int = 0) -> Iterator[StandInClient]:
    """Serve for the length of the block, on a free port unless one is given. OSError if it is taken."""
    ready: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=_run, args=(host, port, ready), name="standin", daemon=True)
    thread.start()
    bound_port, stop = ready.result()
    try:
        yield StandInClient(f"http://{host}:{bound_port}")
    finally:
        stop()
        thread.join()


def _run(host: str, port: int, ready: Future[tuple[int, Callable[[], object]]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        async with serving(host, port) as bound_port:
            ready.set_result((bound_port, lambda: loop.call_soon_threadsafe(stopped.set)))
            await stopped.wait()

    try:
        asyncio.run(main())
    except OSError as error:
        ready.set_exception(error)
