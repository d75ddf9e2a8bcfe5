"""`python -m local.standin --port N`: the stand-in as a process of its own, until it is told to stop."""

import argparse
import asyncio
import signal

from local.standin.server import serving


async def _serve(host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(host, port) as bound_port:
        print(f"Stand-in for the Claude Messages API (not Claude) on http://{host}:{bound_port}", flush=True)
        await stopped.wait()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.standin", description="A stand-in for Claude.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    options = parser.parse_args()
    asyncio.run(_serve(options.host, options.port))


if __name__ == "__main__":
    main()
