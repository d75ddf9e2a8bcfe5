"""The lease of this process, renewed while it holds tasks. docs/decisions.md explains why it is safe."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import batched

from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease, LeaseNotes
from a2a_tasks.domain.task import Status
from a2a_tasks.execution.process.futures import cancel, first_of
from a2a_tasks.execution.process.leases import SAVING_SECONDS, LeasedTask, StopCause
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.queues import Delivery, DeliveryHandler
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.leases import Workers

BEAT = 0.55
"""Interval of renewals as a fraction of the lease. The rest is enough for a stall of two seconds and
several retries (docs/decisions/tasks.md, "Eight seconds")."""
RETRY_SECONDS = 0.25
"""Pause between two attempts of a renewal, even while the first one hangs."""
DOUBT_SECONDS = 1.0
"""Pause between two attempts after the lease has expired by this process's clock."""
MOST_TRIES = 8
"""Concurrent attempts of a renewal."""
DUE_MS = 90_000
"""How long after its last renewals the sweeper looks for a dead worker. The due time moves
``DUE_AGAIN_MS`` before that."""
DUE_AGAIN_MS = 30_000
MOST_DISOWNED = 100
"""With more disowned claims than this, the lease is abandoned and a new one opened."""
VISIBILITY_BATCH, VISIBILITY_TRIES = 10, 4
"""Limit of ChangeMessageVisibilityBatch, and tries after which the lease alone keeps other workers away."""
OPEN_TRIES = 3
"""After these attempts the messages return to the queue, because nothing is claimed without a lease."""


@dataclass
class _OwnLease:
    """The lease as this process knows it: when its last acknowledged renewal was sent, by both clocks, and
    whether the messages were made invisible since."""

    worker_id: str
    now: int
    ticks: int
    due_at: int | None = None
    is_invisible: bool = False


@dataclass
class Heartbeat:
    """Keeps the leases of all tasks in hand, with one renewal and one queue call for all of them. The
    renewal's response brings the notes of others.

    A lease that has expired by this process's own clock is in doubt: work stops, nothing is started or
    written. The store's response then decides. Renewed: no other worker has taken a task. Refused: the
    process has lost all its tasks and continues under another worker id.
    """

    workers: Workers
    store: TaskStore
    queue: DeliveryHandler
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking
    lease_seconds: int
    held: dict[str, LeasedTask] = field(default_factory=dict)
    """Leased tasks by claim id."""
    _in_hand: list[Delivery] = field(default_factory=list)
    _disowned: set[str] = field(default_factory=set)
    _to_check: set[str] = field(default_factory=set)
    _mine: _OwnLease | None = None
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _aside: set[asyncio.Task[None]] = field(default_factory=set)

    # -- used by the executor

    async def worker_id(self) -> str:
        """The worker id for a claim, under a lease with enough time left. Raises ``StoreUnavailable``."""
        async with self._changing:
            if self._is_due():
                await self._beat()
            if self._mine is None:
                await self._open()
            if self._mine is None or self._left_ms() <= 0:
                raise StoreUnavailable("the worker's lease was not renewed in time")
            return self._mine.worker_id

    @asynccontextmanager
    async def handling(self, delivery: Delivery) -> AsyncIterator[None]:
        """Keep the message invisible until the block ends."""
        self._in_hand.append(delivery)
        try:
            yield
        finally:
            self._in_hand.remove(delivery)

    @asynccontextmanager
    async def holding(self, held: LeasedTask) -> AsyncIterator[None]:
        """Interrupt the task's run when it must stop, until the block ends. If the lease is in doubt by
        then, the claim is disowned: other workers may take the task at once."""
        claim_id = held.task.claim_id or ""
        self.held[claim_id] = held
        try:
            yield
        finally:
            del self.held[claim_id]
            if held.stop.done() and held.stop.result() is StopCause.LOST:
                self.disown(held.task.held_by, claim_id)

    def disown(self, worker_id: str | None, claim_id: str) -> None:
        """Give up a claim that may have taken effect; other workers may take its task at once."""
        if self._mine is not None and self._mine.worker_id == worker_id:
            # only for the current lease: claims under an earlier id end with that id's lease
            self._disowned.add(claim_id)
            # every renewal writes all of them
            if len(self._disowned) > MOST_DISOWNED:
                self._give_up()

    async def is_ours(self, worker_id: str | None) -> bool:
        """Whether a worker id is still this process's. Waits while that is in doubt."""
        while self._mine is not None and self._mine.worker_id == worker_id:
            if self._left_ms() > 0:
                return True
            async with self._changing:
                # checked again under the lock, whose previous holder may have renewed the lease
                if self._mine is not None and self._left_ms() <= 0:
                    await self._beat()
        return False

    async def keep_beating(self) -> None:
        """Renew until cancelled."""
        try:
            while True:
                await self.clock.sleep(self._seconds_to_next())
                async with self._changing:
                    if self._is_due():
                        await self._beat()
                self.telemetry.flush()  # metrics of ended tasks, even while no other task ends
        finally:
            # must not continue in the next invocation, when they may be long out of date
            await cancel(*self._aside)

    def go_idle(self) -> None:
        """Call when no task is in hand; the process may then be frozen for any length of time. Claims
        disowned since the last renewal become free when the lease expires, so the lease must not be renewed
        afterwards."""
        if self._disowned:
            self._give_up()

    # -- the lease

    @property
    def beat_seconds(self) -> float:
        """Seconds between two renewals."""
        return self.lease_seconds * BEAT

    def _left_ms(self) -> int:
        """Milliseconds left of the lease, by whichever of this process's clocks is further ahead, minus
        the allowed clock skew while the messages are not invisible for as long."""
        mine = self._mine
        if mine is None:
            return 0
        # the wall clock can be set back; the monotonic clock cannot, and also counts suspension
        passed = max(self.clock.now() - mine.now, self.clock.ticks() - mine.ticks)
        lease_ms = self.lease_seconds * 1000
        return lease_ms - passed - (0 if mine.is_invisible else min(CLOCKS_APART_MS, lease_ms // 4))

    def _seconds_to_next(self) -> float:
        if self._mine is None:
            return self.beat_seconds
        return max(0.001, self.beat_seconds - (self.clock.ticks() - self._mine.ticks) / 1000)

    def _is_due(self) -> bool:
        mine = self._mine
        return mine is not None and self.clock.ticks() - mine.ticks >= self.beat_seconds * 1000

    async def _open(self) -> None:
        """Open a lease. All tasks of the invocation wait for this."""
        for tries_left in reversed(range(OPEN_TRIES)):
            # a new id for each attempt: a lease whose response was lost may exist and expires earlier than a
            # later attempt would assume. Clocks are read before the call, so that this process never believes
            # the lease to last longer than the store does
            mine = _OwnLease(self.entropy.bytes(8).hex(), self.clock.now(), self.clock.ticks())
            until = mine.now + self.lease_seconds * 1000
            try:
                await self.run(self.workers.open, Lease(mine.worker_id, until))
            except StoreUnavailable:
                if not tries_left:
                    raise
                await self.clock.sleep(RETRY_SECONDS)
            else:
                self._mine = mine
                return

    def _give_up(self) -> None:
        """Drop all tasks held under this worker id; the next claims use another id."""
        self._interrupt()
        self._mine = None
        self._disowned.clear()
        self._to_check.clear()

    def _interrupt(self) -> None:
        for held in self.held.values():
            held.interrupt(StopCause.LOST)

    # -- the beat

    async def _beat(self) -> None:
        notes = await self._renewed()
        if notes is None:
            # another process has broken the lease, or it expired with nothing left to save
            if self.held:
                self.telemetry.event("worker lost its lease", tasks=len(self.held))
            self._give_up()
            return
        # the next heartbeat does not wait for them, because they may hang
        for step in (self._extend_visibility(), self._check_noted(notes)):
            task = asyncio.ensure_future(step)
            self._aside.add(task)
            task.add_done_callback(self._aside.discard)

    async def _renewed(self) -> LeaseNotes | None:
        """Retry until the store responds. None if the lease was lost. After it has expired, retry only as
        long as a task has something to save and time for it."""
        answer: asyncio.Future[LeaseNotes | None] = asyncio.get_running_loop().create_future()
        tries: list[asyncio.Task[None]] = []
        try:
            while not answer.done():
                in_doubt = self._left_ms() <= 0
                if in_doubt:
                    self._interrupt()
                    if not self._may_save():
                        return None
                if sum(not each.done() for each in tries) < MOST_TRIES:
                    tries.append(asyncio.ensure_future(self._try(answer)))
                await first_of([answer], self.clock.sleep(DOUBT_SECONDS if in_doubt else RETRY_SECONDS))
        finally:
            await cancel(*tries)
        notes = answer.result()
        # an earlier attempt without a response may have taken notes
        return LeaseNotes(everything=True) if notes is not None and len(tries) > 1 else notes

    def _may_save(self) -> bool:
        latest = max((held.until for held in self.held.values()), default=0)
        return self._mine is not None and self.clock.now() < latest + SAVING_SECONDS * 1000

    async def _try(self, answer: "asyncio.Future[LeaseNotes | None]") -> None:
        if (before := self._mine) is None:
            return
        now = self.clock.now()
        # clocks are read before the call: a late response must not make the lease seem longer
        mine = _OwnLease(before.worker_id, now, self.clock.ticks(), _due_at(before, now))
        try:
            notes = await self.run(self.workers.renew, self._lease(mine))
        except Exception as error:
            # no error may stop the heartbeat
            self.telemetry.problem("lease not renewed", error=error)
            return
        # only the first response counts; the lease has been renewed by the time of a later one
        if not answer.done() and self._mine is before:
            self._mine = mine
            answer.set_result(notes)

    def _lease(self, mine: _OwnLease) -> Lease:
        return Lease(
            mine.worker_id,
            mine.now + self.lease_seconds * 1000,
            frozenset(held.task.ref for held in self.held.values()),
            frozenset(self._disowned),
            mine.due_at,
        )

    async def _extend_visibility(self) -> None:
        """Keep the messages invisible for as long as the lease is valid, because a worker that takes a
        task over needs both to be over."""
        mine = self._mine
        # one call takes messages of one queue; sorting keeps the number of calls low
        by_queue = sorted(self._in_hand, key=lambda delivery: (delivery.is_direct, delivery.is_urgent))
        groups = [list(some) for some in batched(by_queue, VISIBILITY_BATCH, strict=False)]
        extended = await asyncio.gather(*(self._extend(group) for group in groups))
        # for the lease as it was when this began: these timeouts do not cover a later renewal
        if mine is not None:
            mine.is_invisible = all(extended)

    async def _extend(self, deliveries: list[Delivery]) -> bool:
        for attempt in range(VISIBILITY_TRIES):
            if attempt:
                await self.clock.sleep(RETRY_SECONDS)
            try:
                # skips messages that were settled meanwhile: one that was put back keeps its own delay
                left = [delivery for delivery in deliveries if delivery in self._in_hand]
                if left:
                    await self.run(self.queue.change_visibility, left, self.lease_seconds)
            except Exception as error:
                # they may be received again, but the valid lease prevents a claim
                self.telemetry.problem("visibility timeout not changed", error=error)
            else:
                return True
        return False

    async def _check_noted(self, notes: LeaseNotes) -> None:
        """Read the tasks that other processes have changed. A task that is just being claimed is read at the
        next heartbeat."""
        noted = notes.task_ids | self._to_check
        held = {each.task.ref.task_id: each for each in list(self.held.values())}
        coming = {each.ref.task_id for each in self._in_hand if each.ref is not None} - held.keys()
        self._to_check = {task_id for task_id in coming if task_id in noted or notes.everything}
        looked_at = [each for task_id, each in held.items() if notes.concern(task_id) or task_id in noted]
        await asyncio.gather(*(self._check_task(each) for each in looked_at))

    async def _check_task(self, held: LeasedTask) -> None:
        try:
            # a consistent read: it must see the write that the note announces
            task = await self.run(self.store.get, held.task.ref)
        except Exception as error:
            self.telemetry.problem("changed task not read again", held.task, error=error)
            # remembered, because the renewal has removed the note
            self._to_check.add(held.task.ref.task_id)
            return
        if task is None or task.is_terminal:
            held.interrupt(StopCause.ENDED)
        elif task.fence != held.task.fence or task.status is not Status.RUNNING:
            # another worker holds the task, or this one has released it: this claim may write nothing more
            held.interrupt(StopCause.LOST)
        else:
            held.notice(task)


def _due_at(before: _OwnLease, now: int) -> int:
    """Moved only once a minute, because it is an index key."""
    is_far = before.due_at is not None and before.due_at - now > DUE_AGAIN_MS
    return before.due_at if is_far and before.due_at is not None else now + DUE_MS
