"""What a process sees of its own limits."""

import asyncio
import time

import pytest

from a2a_tasks.adapters.process_load import MB, MEMORY_SHARE, SystemProcessLoad, resident_bytes


@pytest.mark.parametrize(("in_use", "expected"), [(MEMORY_SHARE - 0.01, False), (MEMORY_SHARE + 0.01, True)])
def test_memory_is_lacking_beyond_a_share(in_use: float, expected: bool) -> None:
    assert SystemProcessLoad(700, lambda: round(in_use * 700 * MB)).lacks_memory() is expected


def test_the_process_itself_is_looked_at() -> None:
    assert SystemProcessLoad(1).lacks_memory()
    assert not SystemProcessLoad(1_000_000).lacks_memory()


def test_memory_that_is_taken_counts() -> None:
    before = resident_bytes()
    taken = bytearray(64 * MB)
    taken[::4096] = b"x" * len(taken[::4096])
    assert resident_bytes() - before > 32 * MB


def test_a_loop_that_is_kept_busy_lacks_time() -> None:
    async def watch() -> tuple[bool, bool]:
        load = SystemProcessLoad(700)
        async with load.watched():
            await asyncio.sleep(0.25)
            idle = load.lacks_time()
            until = time.monotonic() + 30
            while not load.lacks_time() and time.monotonic() < until:
                time.sleep(1.5)  # noqa: ASYNC251  as a processor does that is too slow
                await asyncio.sleep(0.01)
            return idle, load.lacks_time()

    assert asyncio.run(watch()) == (False, True)
