"""The lease while calls fail, for thousands of beats: one call in twenty fails or loses its answer, all
stands still for two seconds now and then, and clocks are two seconds apart.

Nobody takes anything from a worker that lives, and a worker that lives loses nothing; of a worker that is
killed everything can be claimed within ten seconds.
"""

import asyncio
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.domain.lease import CLOCKS_APART_MS
from a2a_tasks.domain.task import Task
from a2a_tasks.execution.process.heartbeat import Heartbeat
from a2a_tasks.execution.process.leases import LeasedTask, StopCause
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.ports.tasks import Claim, Written
from tests.twins.clock import FakeClock
from tests.twins.deployment import LEASE_SECONDS, Deployment

pytestmark = pytest.mark.slow

FAULTS = 0.05
STALL_MS = 2_000
STALL_EVERY_MS = (7_000, 23_000)
LATENCY_SECONDS = (0.002, 0.08)
TASKS = 20
BEATS = 1_500
POLL_SECONDS = 0.5
RECOVERY_SECONDS = 10
SKEWS = [(-1_000, 1_000), (1_000, -1_000), (0, 0)]
"""The clocks of the worker and of those who look at it, in milliseconds beside the true time."""


@dataclass
class Faults:
    """``Clock`` and ``RunBlocking`` of one process."""

    true: FakeClock
    dice: random.Random
    skew_ms: int
    stalls: list[int] = field(default_factory=list)
    """When each begins; all processes, and the services that they call, stand still at the same time."""

    def now(self) -> int:
        return self.true.now() + self.skew_ms

    def ticks(self) -> int:
        return self.true.now()

    async def sleep(self, seconds: float) -> None:
        await self.true.sleep(seconds)
        await self.stand_still()

    async def stand_still(self) -> None:
        now = self.true.now()
        begun = bisect_right(self.stalls, now)
        if begun and now < (ends := self.stalls[begun - 1] + STALL_MS):
            await self.true.sleep((ends - now) / 1000)

    async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self.sleep(self.dice.uniform(*LATENCY_SECONDS))
        luck = self.dice.random()
        if luck < FAULTS / 2:
            raise StoreUnavailable("not sent")
        result = call(*args, **kwargs)
        await self.sleep(self.dice.uniform(*LATENCY_SECONDS))
        if luck < FAULTS:
            raise StoreUnavailable("answer lost")
        return result


class World:
    """A worker with tasks in hand that never end, and others who would take them."""

    def __init__(self, seed: int, skews: tuple[int, int], seconds: float) -> None:
        self.deployment = Deployment()
        self.clock, dice = self.deployment.clock, random.Random(seed)  # noqa: S311  chance that repeats
        stalls = list(self._stalls(dice, seconds))
        self.faults = Faults(self.clock, dice, skews[0], stalls)
        workers, queue = self.deployment.workers, self.deployment.queue
        self.holders = Holders(workers, Faults(self.clock, dice, skews[1]))
        self.heartbeat = Heartbeat(
            workers,
            self.deployment.store,
            queue,
            self.faults,
            self.deployment.entropy,
            self.deployment.telemetry,
            self.faults.run,
            LEASE_SECONDS,
        )
        self.held: list[LeasedTask] = []
        self.taken: dict[str, int] = {}
        self.looks = 0

    def _stalls(self, dice: random.Random, seconds: float) -> list[int]:
        at, stalls = self.clock.now(), []
        while at < self.clock.now() + seconds * 1000:
            at += dice.randint(*STALL_EVERY_MS)
            stalls.append(at)
        return stalls

    async def live(self, seconds: float) -> None:
        """Hold everything for so long, as one process."""
        deliveries = [self._delivered(self.deployment.submit(f"task {n}")) for n in range(TASKS)]
        beating = asyncio.ensure_future(self.heartbeat.keep_beating())
        working = [asyncio.ensure_future(self._work(delivery)) for delivery in deliveries]
        looking = asyncio.ensure_future(self._look())
        await self.clock.sleep(seconds)
        for process in (beating, *working):
            process.cancel()
        await asyncio.gather(beating, *working, return_exceptions=True)
        await self.clock.sleep(RECOVERY_SECONDS + 2)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)

    def _delivered(self, task: Task) -> Delivery:
        (message,) = [each for each in self.deployment.queue.messages if each.ref == task.ref]
        return self.deployment.queue.deliver(message, LEASE_SECONDS)

    async def _work(self, delivery: Delivery) -> None:
        assert delivery.ref is not None
        async with self.heartbeat.handling(delivery):
            worker_id = await self._worker_id()
            claim = Claim(delivery.message_id, self.faults.now(), worker_id, 0, delivery.message_id)
            result = self.deployment.store.claim(delivery.ref, claim)
            assert isinstance(result, Written)
            held = LeasedTask(
                delivery, result.task, result.task.deadline, partial(self.heartbeat.is_ours, worker_id)
            )
            self.held.append(held)
            self.heartbeat.held[delivery.message_id] = held
            await held.stop

    async def _worker_id(self) -> str:
        while True:
            try:
                return await self.heartbeat.worker_id()
            except StoreUnavailable:
                await self.clock.sleep(0.1)

    async def _look(self) -> None:
        """Others receive what is visible, and copies of messages come again and again."""
        queue = self.deployment.queue
        while True:
            await self.clock.sleep(POLL_SECONDS)
            for delivery in queue.receive(100, LEASE_SECONDS):
                until = self._take(delivery)
                if until is not None:
                    queue.change_visibility(
                        [delivery], max(1, -(-(until - self.holders.clock.now()) // 1000))
                    )
            self._take(None)

    def _take(self, delivery: Delivery | None) -> int | None:
        """What a worker does with its message, or with a copy of that of the first task."""
        self.looks += 1
        tasks = list(self.deployment.store.tasks.values())
        ref = delivery.ref if delivery else tasks[0].ref
        task = next(task for task in tasks if task.ref == ref)
        if task.held_by is None:
            return None
        until = self.holders.take(task, delivery.message_id if delivery else "a copy")
        if until is None:
            self.taken.setdefault(task.ref.task_id, self.clock.now())
        return until


@pytest.mark.parametrize("skews", SKEWS, ids=["behind", "ahead", "equal"])
@pytest.mark.parametrize("seed", range(2))
def test_while_calls_fail_a_living_worker_keeps_everything(seed: int, skews: tuple[int, int]) -> None:
    seconds = BEATS * 4.4
    world = World(seed, skews, seconds)
    started = world.clock.now()

    world.clock.run(world.live(seconds))

    died = started + seconds * 1000
    assert abs(skews[0] - skews[1]) in (0, CLOCKS_APART_MS)
    assert len(world.deployment.workers.rows) == 1, "it never needed another id"
    assert not [held for held in world.held if held.stop.done() and not held.stop.cancelled()]
    assert len(world.held) == TASKS
    assert len(world.deployment.workers.renewals) >= BEATS * 0.9
    assert world.looks >= seconds / POLL_SECONDS * 0.9
    assert min(world.taken.values()) >= died, "nobody took anything before its death"


@pytest.mark.parametrize("skews", SKEWS, ids=["behind", "ahead", "equal"])
@pytest.mark.parametrize("seed", range(20))
def test_of_a_killed_worker_all_twenty_tasks_are_claimable_within_ten_seconds(
    seed: int, skews: tuple[int, int]
) -> None:
    lived = random.Random(seed).uniform(1, 40)  # noqa: S311  chance that repeats itself
    world = World(seed, skews, lived)
    started = world.clock.now()

    world.clock.run(world.live(lived))

    died = started + lived * 1000
    assert len(world.taken) == TASKS
    assert min(world.taken.values()) >= died
    assert max(world.taken.values()) <= died + (RECOVERY_SECONDS + POLL_SECONDS) * 1000


def test_the_faults_suffice_to_break_a_lease_without_a_second_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the first test says means something: with one try a beat the worker does lose everything."""
    monkeypatch.setattr("a2a_tasks.execution.process.heartbeat.RETRY_SECONDS", LEASE_SECONDS)
    world = World(0, (0, 0), 2_000)
    world.clock.run(world.live(2_000))
    assert [held.stop.result() for held in world.held if held.stop.done() and not held.stop.cancelled()][
        :1
    ] == [StopCause.LOST]
