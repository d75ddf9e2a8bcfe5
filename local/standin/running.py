"""A stand-in in a thread of the calling process, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from local.doubles.running import in_thread
from local.standin.client import StandInClient
from local.standin.server import serving


@contextmanager
def running_standin(host: str = "127.0.0.1", port: int = 0) -> Iterator[StandInClient]:
    """Serve for the length of the block, on a free port unless one is given. Raises OSError if it is
    taken."""
    with in_thread("standin", serving, host, port) as bound_port:
        yield StandInClient(f"http://{host}:{bound_port}")
