"""Two hundred tasks of an agent that allows five at a time, while workers die at random moments."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

import pytest

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.ports.slots import Scope
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import Asked, after, answer, uses

pytestmark = pytest.mark.slow

TASKS = 200
LIMIT = 5
TURNS = 3
TURN_SECONDS = 10
WITHIN = 1.3
WORKERS = 10
POLL_SECONDS = 0.25
CRASHES = 5
"""Deaths of a worker, each with all that it has under way: up to five tasks lose a turn, and a lease."""
CRASHES_WITHIN_SECONDS = 1_000
LATEST_CALL = 100
"""Of five tasks together a worker makes about 130 calls."""


@dataclass
class Fleet:
    """An event source with its workers, and the sweeper's schedule. The first worker that comes after each of
    the moments ``deaths`` dies; where it has ended before that, another."""

    deployment: Deployment
    chance: random.Random
    deaths: list[int] = field(init=False)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        now = self.deployment.clock.now()
        seconds = self.chance.sample(range(CRASHES_WITHIN_SECONDS), CRASHES)
        self.deaths = sorted(now + at * 1000 for at in seconds)

    async def work_until_all_have_ended(self, tasks: list[Task]) -> None:
        sweep_at = self.deployment.clock.now()
        while not all(self.deployment.now_of(task).is_terminal for task in tasks):
            if len(self.running) < WORKERS and self.deployment.queue.messages:
                self._start()
            if self.deployment.clock.now() >= sweep_at:
                self.deployment.sweep()
                sweep_at += 60_000
            await self.deployment.clock.sleep(POLL_SECONDS)

    def _start(self) -> None:
        if deliveries := self.deployment.queue.receive():
            working = asyncio.ensure_future(self._work(deliveries))
            self.running.add(working)
            working.add_done_callback(self.running.discard)

    async def _work(self, deliveries: list[Delivery]) -> None:
        points, now = Failpoints(), self.deployment.clock.now()
        is_to_die = bool(self.deaths) and self.deaths[0] <= now
        if is_to_die:
            del self.deaths[0]
            points.crash_at = self.chance.randint(3, LATEST_CALL)
            points.crash_after = self.chance.random() < 0.5
        with contextlib.suppress(Crash):
            await self.deployment.invoke(deliveries, points)
        if is_to_die and not points.dead:
            self.deaths.insert(0, now)


@pytest.mark.parametrize("seed", range(4))
def test_never_more_than_five_all_complete_and_nearly_no_slot_idles(seed: int) -> None:
    deployment = Deployment()
    deployment.registry.apply(
        agent(allowed_tools=("Glob",), max_concurrent_tasks=LIMIT, timeout_ms=1_800_000, max_attempts=10)
    )
    peak = 0

    def watch(_: Asked) -> None:
        nonlocal peak
        peak = max(peak, len(deployment.model.under_way))

    deployment.model.watchers.append(watch)
    messages = [f"Task {n}." for n in range(TASKS)]
    for message in messages:
        turn = [
            lambda call: after(deployment.clock, TURN_SECONDS, uses(("Glob", {"pattern": "*"}), prefix=call))
        ] * (TURNS - 1)
        deployment.model.plan(message, *turn, lambda _: after(deployment.clock, TURN_SECONDS, answer()))
    tasks = [deployment.submit(message) for message in messages]
    fleet = Fleet(deployment, random.Random(seed))  # noqa: S311  the same moments in each run
    started = deployment.clock.now()
    deployment.clock.run(fleet.work_until_all_have_ended(tasks))
    took = (deployment.clock.now() - started) / 1000

    assert {deployment.now_of(task).status for task in tasks} == {Status.COMPLETED}
    assert peak == LIMIT
    assert took <= WITHIN * TASKS * TURNS * TURN_SECONDS / LIMIT
    assert not fleet.deaths, "all crashes have happened"
    assert not deployment.slot_store.holders(Scope("writer"))
