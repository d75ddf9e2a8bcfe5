"""How a worker takes more messages while its tasks wait for the model."""

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
from a2a_tasks.execution.process.futures import first_of
from a2a_tasks.execution.process.invocation import Invocation
from a2a_tasks.execution.process.taker_listing import LISTED_MS, TakerListing
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery, WorkerQueue
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.process_load import ProcessLoad
from a2a_tasks.ports.workers.takers import Takers

SHARE_AFTER_SECONDS = 0.5
"""Seconds an invocation must run before it takes more messages. Short tasks finish sooner without."""
SHARE_EVERY_SECONDS = 1.0, 16.0
"""First and longest pause after a poll of the queues with event sources that found nothing; it doubles each
time. A poll costs two requests."""
LOOK_FOR_OTHERS_MS = 4_000
"""How often an invocation at capacity polls for tasks of another project. It takes one message at a time,
because messages of the same project must be returned."""
SHARE_UNTIL_SECONDS = HAND_OVER_SECONDS
"""With less time left an invocation takes no more tasks, as it begins no more turns."""
DIRECT_SECONDS = 2, 4
"""How long a worker with one task waits for a direct message, and the maximum; twice as long with two tasks.
A poll is not aborted, or a message received by it would be lost; so it may be billed beyond the end of the
last task. SQS answers an empty long poll only at its end, and the client's timeout must be longer
(``adapters.clients``)."""
MOST_AT_ONCE = 10
"""Limit of ReceiveMessage."""
CLOSES_AT, OPENS_AT = 20, 10
"""A worker stops taking direct messages when a twentieth of its capacity is left, so that messages on their
way still find room, and resumes at a tenth."""
RETRY_SECONDS = 0.5
"""How often a worker that lacks memory or time, or gets no response from the queue, tries again."""


@dataclass(frozen=True)
class SharedIntake:
    """What all invocations of a process share for taking messages."""

    queue: WorkerQueue
    pause: PauseWatch
    takers: Takers
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking
    called: Event
    """Set when this process has announced a task after giving it a slot."""
    process_load: ProcessLoad
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
        """Direct messages. They are taken even during a pause, because no event source would start another
        worker for them."""
        return self._received(lambda: self.queue.receive_direct(limit, self.lease_seconds, seconds))

    def put_back(self, delivery: Delivery) -> None:
        """Return a message for another worker, without delay."""
        try:
            self.queue.put_back(delivery, 0)
        except QueueUnavailable as error:  # the sweeper announces the task again
            self.telemetry.problem(
                "direct message not returned to a queue", reason=str(error), message_id=delivery.message_id
            )

    def _received(self, receive: Callable[[], list[Delivery]]) -> list[Delivery]:
        try:
            return receive()
        except QueueUnavailable as error:
            # if only the response was lost, the messages return after the visibility timeout
            self.telemetry.problem("messages not received", reason=str(error))
            return []


@dataclass
class MessageIntake:
    """Takes messages for one invocation. ``deliver`` handles one; ``is_again`` means that a message of the
    event was received before, so a worker may have died."""

    intake: SharedIntake
    invocation: Invocation
    deliver: Callable[[Delivery], Coroutine[Any, Any, object]]
    is_again: bool
    listing: TakerListing = field(init=False)
    _began_at: int = field(init=False)
    _dealing: set[asyncio.Task[object]] = field(default_factory=set)
    _pause: float = SHARE_EVERY_SECONDS[0]
    _polls_at: int = 0
    _polls_for_others_at: int = 0

    def __post_init__(self) -> None:
        i = self.intake
        self._began_at = i.clock.now()
        # random per invocation: processes restored from one snapshot would share an id
        taker_id = i.entropy.bytes(8).hex()
        self.listing = TakerListing(i.takers, i.pause, i.clock, i.telemetry, i.run, taker_id)

    async def work(self) -> None:
        """Take messages while there is room, until too little time is left. Ends when nothing is in hand and
        no task was announced that could use the slot of one that ended here."""
        # set by an earlier invocation, whose slots are long taken
        self.intake.called.clear()
        await asyncio.sleep(0)  # lets the event's own messages start first
        if self._room > 0:  # with a full batch more messages are probably waiting
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
        """Seconds until it takes no more messages."""
        return self.invocation.time_left() - SHARE_UNTIL_SECONDS

    async def _step(self) -> bool:
        """Poll or wait once. False if there is nothing more to do."""
        is_closed, in_hand = self._is_closed(), self.invocation.in_hand
        is_idle = not in_hand and not self.intake.called.is_set()
        if is_closed or is_idle:
            # leaves the list before the last wait: a sender may have read the list just before, and its
            # message is still on its way
            await self.listing.leave()
            if self.listing.lingers:
                return await (self._pass_on() if is_closed else self._take_direct(1))
        if is_idle or (is_closed and not in_hand):
            return await self._poll_for_dead_worker()
        if self._seconds_left <= 0:
            await self._until_done()
        elif self._room <= 0:
            await self._poll_for_other_projects()
        elif is_closed:
            await self._until_done(RETRY_SECONDS)
        else:
            await self._take()
        return True

    def _is_closed(self) -> bool:
        """Whether it can take nothing now. A worker with nothing in hand always takes a message, whatever its
        memory and load."""
        process_load = self.intake.process_load
        is_overloaded = self.invocation.in_hand > 0 and (
            process_load.lacks_memory() or process_load.lacks_time()
        )
        return is_overloaded or self._room <= 0 or self._seconds_left <= 0

    async def _poll_for_dead_worker(self) -> bool:
        """Poll the direct queue if the previous receiver of this message may have died. Its other direct
        messages return there, including those that its last poll received after its death; and senders send
        more while the list names it."""
        if not self.is_again or self._is_closed():
            return False
        # until the dead worker's entry in the list has certainly expired
        self.is_again = self.intake.clock.now() < self._began_at + self.intake.dead_listed_ms
        return await self._take_direct(1)

    async def _take(self) -> None:
        """Poll once, with room and time left."""
        room, now = self._room, self.intake.clock.now()
        # a direct message starts no worker: without another message that does, direct messages taken now
        # would be stuck if this process died
        if not self.invocation.is_anchored or room <= self.intake.room // CLOSES_AT:
            await self.listing.leave()
        elif self.listing.is_listed or room > self.intake.room // OPENS_AT:
            await self.listing.offer(self.invocation.in_hand, room)
        takes_directly = self.listing.is_listed or self.listing.lingers
        if now >= self._polls_at or self.intake.called.is_set():
            await self._poll(room)
            return
        seconds = (self._polls_at - now) / 1000
        if not takes_directly:
            await self._until_done(min(seconds, max(RETRY_SECONDS, self.listing.seconds_to_next_read)))
            return
        first, longest = DIRECT_SECONDS
        seconds = min(first * self.invocation.in_hand, longest, seconds, self._seconds_left)
        await self._take_direct(max(1, ceil(seconds)))

    async def _poll(self, room: int) -> None:
        """Poll the queues with event sources, which may not start enough workers."""
        called, in_hand = self.intake.called, self.invocation.in_hand
        # cleared before the call: a task announced meanwhile needs another poll
        called.clear()
        # with nothing in hand, it only looks for the task that was given a slot here, whose message is urgent
        limit = min(room, MOST_AT_ONCE)
        taken = await self.intake.run(partial(self.intake.receive, limit, only_urgent=not in_hand))
        if taken:
            self._pause = SHARE_EVERY_SECONDS[0]
            await self._begin(taken)
        elif in_hand:
            self._polls_at = self.intake.clock.now() + round(self._pause * 1000)
            self._pause = min(2 * self._pause, SHARE_EVERY_SECONDS[1])

    async def _poll_for_other_projects(self) -> None:
        """Take one message at a time into a place that is reserved for other projects."""
        self._polls_at, self._pause = 0, SHARE_EVERY_SECONDS[0]  # polls as soon as a place is free
        now = self.intake.clock.now()
        if self._room + self.intake.reserved <= 0:
            await self._until_done()
        elif self._polls_for_others_at > now:
            await self._until_done((self._polls_for_others_at - now) / 1000)
        else:
            # one at a time: messages of a project without free places are returned, which counts as a receive
            self._polls_for_others_at = now + LOOK_FOR_OTHERS_MS
            await self._begin(await self.intake.run(partial(self.intake.receive, 1, only_urgent=False)))

    async def _take_direct(self, seconds: int) -> bool:
        """Wait ``seconds`` for direct messages."""
        clock, limit = self.intake.clock, min(self._room, MOST_AT_ONCE)
        began = clock.ticks()
        taken = await self.intake.run(self.intake.receive_direct, limit, seconds)
        await self._begin(taken)
        # an early empty response means an error; waiting out the rest avoids a busy loop
        rest = seconds - (clock.ticks() - began) / 1000
        if not taken and rest > 0:  # the call failed
            await self._until_done(min(rest, RETRY_SECONDS))
        return True

    async def _pass_on(self) -> bool:
        """Move direct messages that arrive late to a queue that starts another worker."""
        taken = await self.intake.run(self.intake.receive_direct, MOST_AT_ONCE, 1)
        # without delay: otherwise they would wait for their visibility timeout, or forever if no worker is up
        await asyncio.gather(*(self.intake.run(self.intake.put_back, delivery) for delivery in taken))
        if not taken:
            await self._until_done(RETRY_SECONDS)
        return True

    async def _begin(self, taken: list[Delivery]) -> None:
        for delivery in taken:
            dealing: asyncio.Task[object] = asyncio.ensure_future(self.deliver(delivery))
            self._dealing.add(dealing)
        # finished ones are removed, so that a long invocation does not accumulate them
        await asyncio.sleep(0)  # lets them count as in hand
        for dealing in [each for each in self._dealing if each.done()]:
            self._dealing.remove(dealing)
            dealing.result()

    async def _until_done(self, seconds: float | None = None) -> None:
        """Wait until a message has been handled, at most ``seconds``."""
        done, clock = self.invocation.done, self.intake.clock
        done.clear()
        await first_of([], done.wait(), *([] if seconds is None else [clock.sleep(seconds)]))
