"""This worker's entry in the list of workers that take direct messages; senders read the list."""

from dataclasses import dataclass, field

from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.concurrency.taker_watch import LINGER_MS
from a2a_tasks.domain.taker import Taker, stands_back
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.takers import Takers

REFRESH_MS = 5_000
"""How often a worker reads the list and renews its entry."""
LISTED_MS = 12_000
"""Lifetime of an entry. After a worker's death, direct messages wait for the next worker."""
SETTLED_MS = 10_000
"""A younger worker does not stand back: it was started by a burst, which needs the CPUs of all workers."""
MOST = 100
"""Workers that are compared."""
STALE_MS = 60_000
"""An entry that expired this long ago belongs to a dead worker."""
LEAVE_TRIES = 3
"""After these attempts the entry is left to expire."""


@dataclass
class TakerListing:
    """The list entry of one invocation."""

    takers: Takers
    pause: PauseWatch
    clock: Clock
    telemetry: Telemetry
    run: RunBlocking
    taker_id: str
    is_listed: bool = False
    _began_at: int = field(init=False)
    _next_read_at: int = 0
    _left_at: int | None = field(default=None)

    def __post_init__(self) -> None:
        self._began_at = self.clock.now()

    @property
    def lingers(self) -> bool:
        """Whether messages may still arrive although it has left the list."""
        return self._left_at is not None and self.clock.now() < self._left_at + LINGER_MS

    @property
    def seconds_to_next_read(self) -> float:
        """Seconds until the list is read again."""
        return max(0, self._next_read_at - self.clock.now()) / 1000

    async def offer(self, tasks: int, room: int) -> None:
        """List this worker, unless work is paused or fuller workers have room for all tasks. Does nothing if
        the list was read less than ``REFRESH_MS`` ago."""
        now = self.clock.now()
        if now < self._next_read_at:
            return
        self._next_read_at = now + REFRESH_MS
        mine = Taker(self.taker_id, tasks, room, now + LISTED_MS)
        try:
            others = await self._others(now)
            is_settled = now >= self._began_at + SETTLED_MS
            if await self.run(self.pause.is_on) or (is_settled and stands_back(mine, others)):
                await self.leave()
            else:
                # the write may take effect even if its response is lost
                self.is_listed = True
                await self.run(self.takers.put, mine)
        except StoreUnavailable as error:
            # an outage delays no task: event sources then start workers
            self.telemetry.problem("taker not listed", reason=str(error))

    async def leave(self) -> None:
        """Leave the list; messages on their way are still accepted. Never raises."""
        if not self.is_listed:
            return
        self.is_listed = False
        for _ in range(LEAVE_TRIES):
            try:
                await self.run(self.takers.leave, self.taker_id)
            except StoreUnavailable as error:
                # the entry expires after LISTED_MS; messages sent until then are received by the next worker,
                # or the sweeper announces their tasks again
                self.telemetry.problem("taker not removed from the list", reason=str(error))
            else:
                break
        # measured from the end of the call, because senders could find the entry until then
        self._left_at = self.clock.now()

    async def _others(self, now: int) -> list[Taker]:
        """The other listed workers. Entries of dead workers are removed."""
        listed = await self.run(self.takers.listed, MOST)
        for taker in listed:
            # if the worker is alive after all, it lists itself again
            if taker.until + STALE_MS < now:
                await self.run(self.takers.leave, taker.taker_id)
        return [taker for taker in listed if taker.until >= now and taker.taker_id != self.taker_id]
