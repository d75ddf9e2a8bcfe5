"""Whether this worker takes tasks directly: its place on the list that those who send tasks read."""

from dataclasses import dataclass, field

from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.concurrency.taker_watch import LINGER_MS
from a2a_tasks.domain.taker import Taker, stands_back
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.takers import Takers

LOOK_MS = 5_000
"""How often a worker looks at the list, and renews its entry."""
LISTED_MS = 12_000
"""How long an entry holds. If a worker dies, what is sent directly waits for the next one."""
SETTLED_MS = 10_000
"""A worker that is younger does not stand back: a burst has started it, and needs the processors of all."""
MOST = 100
"""Workers that are compared."""
FORGOTTEN_MS = 60_000
"""An entry that has been out of date for so long is of a worker that died."""
LEAVE_TRIES = 3
"""After them the entry ends by its own time."""


@dataclass
class TakerListing:
    """The entry of one invocation."""

    takers: Takers
    pause: PauseWatch
    clock: Clock
    telemetry: Telemetry
    run: RunBlocking
    taker_id: str
    is_listed: bool = False
    _began_at: int = field(init=False)
    _looks_at: int = 0
    _left_at: int | None = field(default=None)

    def __post_init__(self) -> None:
        self._began_at = self.clock.now()

    @property
    def lingers(self) -> bool:
        """Whether messages may come though it has left the list."""
        return self._left_at is not None and self.clock.now() < self._left_at + LINGER_MS

    @property
    def seconds_to_look(self) -> float:
        """Until the next look at the list."""
        return max(0, self._looks_at - self.clock.now()) / 1000

    async def offer(self, tasks: int, room: int) -> None:
        """Take tasks directly, unless work is paused or fuller workers have room for all. Looks at the list
        only if it was not looked at lately."""
        now = self.clock.now()
        if now < self._looks_at:
            return
        self._looks_at = now + LOOK_MS
        mine = Taker(self.taker_id, tasks, room, now + LISTED_MS)
        try:
            others = await self._others(now)
            is_settled = now >= self._began_at + SETTLED_MS
            if await self.run(self.pause.is_on) or (is_settled and stands_back(mine, others)):
                await self.leave()
            else:
                # listed even if the answer is lost
                self.is_listed = True
                await self.run(self.takers.put, mine)
        except StoreUnavailable as error:
            # an outage delays nothing: tasks then come by the event sources
            self.telemetry.problem("taker not listed", reason=str(error))

    async def leave(self) -> None:
        """Take no more tasks directly, but what is on its way. Never raises."""
        if not self.is_listed:
            return
        self.is_listed = False
        for _ in range(LEAVE_TRIES):
            try:
                await self.run(self.takers.leave, self.taker_id)
            except StoreUnavailable as error:
                # the entry then ends by itself after LISTED_MS; what is sent until then the next worker
                # finds, or the sweeper announces it again
                self.telemetry.problem("taker still listed", reason=str(error))
            else:
                break
        # from the end of the call, since senders could find the entry until then
        self._left_at = self.clock.now()

    async def _others(self, now: int) -> list[Taker]:
        """The others on the list. Those that died are taken off."""
        listed = await self.run(self.takers.listed, MOST)
        for taker in listed:
            # a living one that was listed so late lists itself again at its next look
            if taker.until + FORGOTTEN_MS < now:
                await self.run(self.takers.leave, taker.taker_id)
        return [taker for taker in listed if taker.until >= now and taker.taker_id != self.taker_id]
