"""A double in a thread of the calling process, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from local.doubles.running import in_thread
from local.wecom.client import WeComClient
from local.wecom.clock import Clock, MovableClock
from local.wecom.server import serving


@contextmanager
def running_wecom(
    host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
) -> Iterator[WeComClient]:
    """Serve for the length of the block, on a free port unless one is given. Raises OSError if it is taken.

    `clock` is real time that can be advanced, unless one is given, such as a JumpingClock shared with the
    system under test.
    """
    shown = clock or MovableClock()
    with in_thread("wecom", lambda host, port: serving(host, port, shown), host, port) as bound_port:
        yield WeComClient(f"http://{host}:{bound_port}")
