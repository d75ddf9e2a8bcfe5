"""How a worker that waits for the model takes more tasks meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from threading import Event
from typing import Any

from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.concurrency.taker_watch import LINGER_MS
from a2a_tasks.execution.agent_loop import HAND_OVER_SECONDS
from a2a_tasks.execution.process.invocation import Invocation
from a2a_tasks.execution.process.taker_listing import LISTED_MS, TakerListing
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery, WorkerQueue
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.pressure import Pressure
from a2a_tasks.ports.workers.takers import Takers

SHARE_AFTER_SECONDS = 0.5
"""Seconds an invocation must run before it takes more messages. Short tasks finish sooner without."""
SHARE_EVERY_SECONDS = 1.0, 16.0
"""Pause after a look that found nothing in the queues whose event sources start workers, first and longest;
it doubles each time. A look costs two requests."""
LOOK_FOR_OTHERS_MS = 4_000
"""How often an invocation at capacity looks for tasks of another project. Messages of the same project go
back, so it takes one at a time."""
SHARE_UNTIL_SECONDS = HAND_OVER_SECONDS
"""With less time left an invocation takes no more tasks, as it begins no more turns."""
DIRECT_SECONDS = 2, 4
"""How long a worker with one task waits for a direct message, and the longest; twice as long with two.
A wait that has begun is not broken off, or what it receives would be lost; so it is billed beyond the last
task, and with many tasks the last is far. SQS answers an empty one only when it is over, by when the client
must not have given up (``adapters.clients``)."""
MOST_AT_ONCE = 10
"""Limit of ReceiveMessage."""
CLOSES_AT, OPENS_AT = 20, 10
"""A worker takes no more direct messages when a twentieth of its room is left, so that those on their way
find a place, and takes them again with a tenth."""
PRESSED_SECONDS = 0.5
"""How often a worker that lacks memory or time, or gets no answer from the queue, tries again."""


@dataclass(frozen=True)
class Intake:
    """What every invocation takes messages with."""

    queue: WorkerQueue
    pause: PauseWatch
    takers: Takers
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking
    called: Event
    """Set when this process has announced a task after giving it a slot."""
    pressure: Pressure
    lease_seconds: int
    room: int
    """Tasks that an invocation may execute at a time. A worker that waits for the model costs nothing more,
    and needs no cold start."""
    reserved: int
    """Additional places for projects that do not fill ``room`` already, so that another project's task
    need not wait for theirs."""
    dead_listed_ms: int = LISTED_MS + LINGER_MS
    """How long others may send to a worker that has died."""

    def receive(self, limit: int, *, only_urgent: bool) -> list[Delivery]:
        """Messages of the queues whose event sources start workers; none during a pause, or if the queue does
        not respond."""
        if self.pause.is_on():
            return []
        return self._received(lambda: self.queue.receive(limit, self.lease_seconds, only_urgent=only_urgent))

    def receive_direct(self, limit: int, seconds: int) -> list[Delivery]:
        """Direct messages, which are taken even during a pause: nobody else would look for them."""
        return self._received(lambda: self.queue.receive_direct(limit, self.lease_seconds, seconds))

    def put_back(self, delivery: Delivery) -> None:
        """Let another worker have it at once."""
        try:
            self.queue.put_back(delivery, 0)
        except QueueUnavailable as error:  # the sweeper announces the task again
            self.telemetry.problem("message not passed on", reason=str(error), message_id=delivery.message_id)

    def _received(self, receive: Callable[[], list[Delivery]]) -> list[Delivery]:
        try:
            return receive()
        except QueueUnavailable as error:
            # if only the response was lost, the messages are invisible for a lease, and then come again
            self.telemetry.problem("no more messages taken", reason=str(error))
            return []


@dataclass
class MessageIntake:
    """Takes messages for one invocation. ``deliver`` deals with one; ``is_again`` says that one of those that
    started the invocation was received before, so that a worker may have died."""

    intake: Intake
    invocation: Invocation
    deliver: Callable[[Delivery], Coroutine[Any, Any, object]]
    is_again: bool
    listing: TakerListing = field(init=False)
    _began_at: int = field(init=False)
    _dealing: set[asyncio.Task[object]] = field(default_factory=set)
    _pause: float = SHARE_EVERY_SECONDS[0]
    _looks_at: int = 0
    _looks_for_others_at: int = 0

    def __post_init__(self) -> None:
        i = self.intake
        self._began_at = i.clock.now()
        # not of the process, whose copies are many if it starts from a snapshot
        taker_id = i.entropy.bytes(8).hex()
        self.listing = TakerListing(i.takers, i.pause, i.clock, i.telemetry, i.run, taker_id)

    async def work(self) -> None:
        """Take messages while there is room, until too little time is left. Ends when nothing is in hand and
        no task was announced that could use the slot of one that ended here."""
        # of an earlier invocation, whose slots are long taken
        self.intake.called.clear()
        await asyncio.sleep(0)  # those that started the invocation begin
        if self._room > 0:  # a full batch means that more are waiting
            await self._until_done(SHARE_AFTER_SECONDS)
        try:
            while await self._step():
                pass
            await asyncio.gather(*self._dealing)
        finally:
            for each in self._dealing:
                each.cancel()

    @property
    def _room(self) -> int:
        return self.intake.room - self.invocation.in_hand

    @property
    def _seconds_left(self) -> float:
        """Until it takes nothing more."""
        return self.invocation.time_left() - SHARE_UNTIL_SECONDS

    async def _step(self) -> bool:
        """Take or wait once. False if there is nothing more to do."""
        is_closed, in_hand = self._is_closed(), self.invocation.in_hand
        is_idle = not in_hand and not self.intake.called.is_set()
        if is_closed or is_idle:
            # before the last wait: a sender may have read the list just before this, so it waits for what is
            # on its way
            await self.listing.leave()
            if self.listing.lingers:
                return await (self._pass_on() if is_closed else self._take_direct(1))
        if is_idle or (is_closed and not in_hand):
            return await self._look_for_the_dead()
        if self._seconds_left <= 0:
            await self._until_done()
        elif self._room <= 0:
            await self._look_for_others()
        elif is_closed:
            await self._until_done(PRESSED_SECONDS)
        else:
            await self._take()
        return True

    def _is_closed(self) -> bool:
        """Whether it can take nothing now. With nothing in hand neither memory nor time is lacking: somebody
        must do what comes."""
        pressure = self.intake.pressure
        is_pressed = self.invocation.in_hand > 0 and (pressure.lacks_memory() or pressure.lacks_time())
        return is_pressed or self._room <= 0 or self._seconds_left <= 0

    async def _look_for_the_dead(self) -> bool:
        """Look into the direct queue if the worker may have died that had this message before. What else it
        had comes back there, also what its last poll receives after its death; and as long as the list names
        it, more is sent."""
        if not self.is_again or self._is_closed():
            return False
        # until no sender can find the dead worker on the list any more
        self.is_again = self.intake.clock.now() < self._began_at + self.intake.dead_listed_ms
        return await self._take_direct(1)

    async def _take(self) -> None:
        """With room and time."""
        room, now = self._room, self.intake.clock.now()
        # a direct message starts no worker: without one that does, those taken now would be lost with this
        # process
        if not self.invocation.is_anchored or room <= self.intake.room // CLOSES_AT:
            await self.listing.leave()
        elif self.listing.is_listed or room > self.intake.room // OPENS_AT:
            await self.listing.offer(self.invocation.in_hand, room)
        takes_directly = self.listing.is_listed or self.listing.lingers
        if now >= self._looks_at or self.intake.called.is_set():
            await self._look(room)
            return
        seconds = (self._looks_at - now) / 1000
        if not takes_directly:
            await self._until_done(min(seconds, max(PRESSED_SECONDS, self.listing.seconds_to_look)))
            return
        first, longest = DIRECT_SECONDS
        seconds = min(first * self.invocation.in_hand, longest, seconds, self._seconds_left)
        await self._take_direct(max(1, ceil(seconds)))

    async def _look(self, room: int) -> None:
        """Look into the queues whose event sources start workers: they may not start enough."""
        called, in_hand = self.intake.called, self.invocation.in_hand
        # before the call: what is announced while it runs needs another look
        called.clear()
        # with nothing in hand, only to find the task that was given a slot here: such messages are urgent
        limit = min(room, MOST_AT_ONCE)
        taken = await self.intake.run(partial(self.intake.receive, limit, only_urgent=not in_hand))
        if taken:
            self._pause = SHARE_EVERY_SECONDS[0]
            await self._begin(taken)
        elif in_hand:
            self._looks_at = self.intake.clock.now() + round(self._pause * 1000)
            self._pause = min(2 * self._pause, SHARE_EVERY_SECONDS[1])

    async def _look_for_others(self) -> None:
        """Take one message at a time into a place that is kept for other projects."""
        self._looks_at, self._pause = 0, SHARE_EVERY_SECONDS[0]  # once a place is free
        now = self.intake.clock.now()
        if self._room + self.intake.reserved <= 0:
            await self._until_done()
        elif self._looks_for_others_at > now:
            await self._until_done((self._looks_for_others_at - now) / 1000)
        else:
            # one at a time: what is of a project that has all its places goes back, which counts as a receive
            self._looks_for_others_at = now + LOOK_FOR_OTHERS_MS
            await self._begin(await self.intake.run(partial(self.intake.receive, 1, only_urgent=False)))

    async def _take_direct(self, seconds: int) -> bool:
        """Wait so long for direct messages."""
        clock, limit = self.intake.clock, min(self._room, MOST_AT_ONCE)
        began = clock.ticks()
        taken = await self.intake.run(self.intake.receive_direct, limit, seconds)
        await self._begin(taken)
        # an answer that comes early and empty is an error's; asked again at once it would be a busy loop
        rest = seconds - (clock.ticks() - began) / 1000
        if not taken and rest > 0:  # it was refused
            await self._until_done(min(rest, PRESSED_SECONDS))
        return True

    async def _pass_on(self) -> bool:
        """Move direct messages that were on their way to where another worker is started for them."""
        taken = await self.intake.run(self.intake.receive_direct, MOST_AT_ONCE, 1)
        # at once: with no room here they would wait for their lease to end, and with no worker up for good
        await asyncio.gather(*(self.intake.run(self.intake.put_back, delivery) for delivery in taken))
        if not taken:
            await self._until_done(PRESSED_SECONDS)
        return True

    async def _begin(self, taken: list[Delivery]) -> None:
        for delivery in taken:
            dealing: asyncio.Task[object] = asyncio.ensure_future(self.deliver(delivery))
            self._dealing.add(dealing)
        # those that are done are taken off, so that a long invocation does not collect them
        await asyncio.sleep(0)  # they count as in hand
        for dealing in [each for each in self._dealing if each.done()]:
            self._dealing.remove(dealing)
            dealing.result()

    async def _until_done(self, seconds: float | None = None) -> None:
        """Wait until a message has been dealt with, at most ``seconds``."""
        done, clock = self.invocation.done, self.intake.clock
        done.clear()
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(done.wait())}
        if seconds is not None:
            waits.add(asyncio.ensure_future(clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
