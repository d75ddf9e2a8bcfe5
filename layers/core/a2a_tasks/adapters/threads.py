"""Runs steps in threads, for work that mostly waits for AWS."""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from a2a_tasks.ports.blocking import TimeLeft, WorkStep

POLL_SECONDS = 0.25
"""How often ``time_left`` is checked while all threads are busy."""


class Threads:
    """``RunParallel``. Steps still running ``grace_seconds`` after the time is up are abandoned, with their
    threads until they end. Other threads are reused by the next call."""

    def __init__(self, threads: int, grace_seconds: float = 2) -> None:
        self._threads = threads
        self._grace = grace_seconds / POLL_SECONDS
        self._pool = ThreadPoolExecutor(2 * threads)  # room for threads abandoned by an earlier call

    def __call__(self, steps: Sequence[WorkStep], time_left: TimeLeft) -> None:
        queue = _StepQueue(steps)
        pending = {self._pool.submit(queue.work) for _ in range(self._threads)}
        too_late = 0
        while pending and too_late <= self._grace:
            done, pending = wait(pending, timeout=POLL_SECONDS)
            # no new step starts; running steps get this many more checks
            too_late += not time_left()
            for thread in done:
                thread.result()  # raises what no step may raise
        queue.close()


class _StepQueue:
    """Steps that wait for a thread."""

    def __init__(self, steps: Sequence[WorkStep]) -> None:
        self._steps = deque(steps)
        self._busy = 0
        self._changed = threading.Condition()

    def work(self) -> None:
        """Run steps until no more can follow."""
        while step := self._next():
            followers: Sequence[WorkStep] = ()
            try:
                followers = step()
            finally:
                self._done(followers)

    def close(self) -> None:
        """No further step starts."""
        with self._changed:
            self._steps.clear()
            # abandoned steps no longer count, so that waiting threads end
            self._busy = 0
            self._changed.notify_all()

    def _next(self) -> WorkStep | None:
        with self._changed:
            # a running step may add others, so a thread ends only when none is running
            self._changed.wait_for(lambda: self._steps or self._busy <= 0)
            if not self._steps:
                return None
            self._busy += 1
            return self._steps.popleft()

    def _done(self, followers: Sequence[WorkStep]) -> None:
        with self._changed:
            self._busy -= 1
            self._steps.extend(followers)
            self._changed.notify_all()
