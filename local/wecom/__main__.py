"""`python -m local.wecom --port N`: the double as a process of its own, until it is told to stop."""

import argparse
import asyncio
import signal

from local.wecom.clock import MovableClock
from local.wecom.server import serving


async def _serve(host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serving(host, port, MovableClock()) as bound_port:
        print(f"Double of WeCom (not WeCom) on http://{host}:{bound_port}", flush=True)
        await stopped.wait()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.wecom", description="A double of WeCom.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    options = parser.parse_args()
    asyncio.run(_serve(options.host, options.port))


if __name__ == "__main__":
    main()
