"""Memory and lateness of this process, as it sees them itself."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

MEMORY_SHARE = 0.6
"""Share of the function's memory beyond which no task is taken. The rest is for tasks that grow, and for the
process that reads Office files."""
MB = 1024 * 1024
MEASURE_SECONDS = 0.2
LATE_SECONDS = 0.5
"""The event loop is called so late, on average, when the processor is too busy."""
SMOOTHING = 0.3
"""Weight of the newest measurement: one long step, such as reading a large request, is no overload."""
_STATISTICS = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Memory of this process in use; 0 if the system does not say."""
    try:
        pages = int(_STATISTICS.read_text().split()[1])
    except OSError:
        # not on Linux, such as on a developer's machine: memory is then not limited
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class SystemProcessLoad:
    """``ProcessLoad``. ``memory_mb`` is the function's memory."""

    def __init__(self, memory_mb: int, resident: Callable[[], int] = resident_bytes) -> None:
        self._memory = memory_mb * MB
        self._resident = resident
        self._late = 0.0

    def lacks_memory(self) -> bool:
        return self._resident() > self._memory * MEMORY_SHARE

    def left_bytes(self) -> int:
        """Memory that is left for other processes of the function."""
        return self._memory - self._resident()

    def lacks_time(self) -> bool:
        return self._late > LATE_SECONDS

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch how late the event loop is until the block ends."""
        self._late = 0.0
        watching = asyncio.ensure_future(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            began = now()
            await asyncio.sleep(MEASURE_SECONDS)
            # a sleep that takes too long shows for how long the event loop or the CPU was busy
            late = now() - began - MEASURE_SECONDS
            self._late += SMOOTHING * (late - self._late)
