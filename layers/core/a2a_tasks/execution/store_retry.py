"""Retries of writes that save paid work."""

from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.execution.process.leases import SAVING_SECONDS, LeasedTask, StopCause, Stopped
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable

SAVE_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts, in addition to the SDK's own retries; the last value repeats."""


@dataclass(frozen=True)
class StoreRetry:
    """Retries blocking writes to a store."""

    clock: Clock
    run: RunBlocking

    async def call[T](self, write: Callable[[], T], held: LeasedTask) -> T:
        """Run ``write``, retrying while the store does not respond: a few times at least, and as long as
        the task may be worked on and saving may take.

        Raises:
            Stopped: The task is no longer held.
            StoreUnavailable: The last attempt failed.
            PayloadUnavailable: Likewise.
        """
        until = held.until + int(SAVING_SECONDS * 1000)
        pauses = 0
        while True:
            # checked before each attempt, and waits while the lease is in doubt: nothing may be written to a
            # task of another worker
            if not await held.is_ours():
                raise Stopped(StopCause.LOST)
            try:
                return await self.run(write)
            except (StoreUnavailable, PayloadUnavailable):
                # retried although it may have taken effect: these writes recognize their own earlier success
                if pauses >= len(SAVE_DELAYS) and self.clock.now() >= until:
                    raise
            await self.clock.sleep(SAVE_DELAYS[min(pauses, len(SAVE_DELAYS) - 1)])
            pauses += 1
