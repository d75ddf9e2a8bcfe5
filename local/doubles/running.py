"""A double as a process of its own, or in a thread of the calling process."""

import argparse
import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager

type Serving = Callable[[str, int], AbstractAsyncContextManager[int]]
"""Serves at a host and port for the length of the block; yields the port, which the system chooses for 0."""


def run_as_process(module: str, name: str, serving: Serving) -> None:
    """Parse the command line of ``python -m <module>``, and serve until the process is asked to stop."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"{name}.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    options = parser.parse_args()
    asyncio.run(_serve(name, options.host, options.port, serving))


async def _serve(name: str, host: str, port: int, serving: Serving) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(host, port) as bound_port:
        print(f"{name} on http://{host}:{bound_port}", flush=True)
        await stopped.wait()


@contextmanager
def in_thread(name: str, serving: Serving, host: str, port: int) -> Iterator[int]:
    """Serve for the length of the block; yields the port. Raises OSError if it is taken."""
    ready: Future[tuple[int, Callable[[], object]]] = Future()
    thread = threading.Thread(target=_run, args=(serving, host, port, ready), name=name, daemon=True)
    thread.start()
    bound_port, stop = ready.result()
    try:
        yield bound_port
    finally:
        stop()
        thread.join()


def _run(serving: Serving, host: str, port: int, ready: Future[tuple[int, Callable[[], object]]]) -> None:
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
