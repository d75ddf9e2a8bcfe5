"""How tasks are packed into workers: the workers' time that a task costs, by the arrival rate and by how long
each waits for Claude."""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from math import ceil

from tests.integration.support.template import document
from tests.load.simulator.settings import Settings
from tests.load.simulator.simulation import Simulation

AT_A_TIME = 25
"""Running tasks of an agent, on average: half of its limit."""
MOST_OF_AN_AGENT = 50
TASKS, LEAST_SECONDS, MOST_SECONDS = 1_200, 30, 3_600
"""The number of tasks in the measurement, which begins once the number of running tasks is stable, and its
minimum and maximum duration."""
SPARE = 1.5
"""Places in workers per running task."""
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Packing:
    """Of one task: billed seconds of workers, their invocations, and receives by Lambda's pollers.
    ``workers`` is how many run at a time, each with room for ``room`` tasks."""

    seconds: float
    invocations: float
    receives: float
    workers: float
    room: int


def settings_for(tasks: float) -> Settings:
    """The parameters' defaults, but with enough workers for this many tasks at a time."""
    settings = Settings()
    with closing(Simulation(0, settings)) as sim:
        needed = tasks * SPARE / sim.deployment.room
    allowed = sorted(document()["Parameters"]["WorkerConcurrency"]["AllowedValues"])
    workers = next(count for count in allowed if count >= needed)
    default = settings.parameter("WorkerConcurrency")
    return Settings((("WorkerConcurrency", str(max(workers, default))),))


def packed(
    a_second: float, wait_seconds: float, settings: Settings | None = None, tasks: int = TASKS
) -> Packing:
    """Simulate it: tasks of one turn that arrive at random, from as many agents and projects as needed.

    Takes up to a second for a hundred tasks.
    """
    with closing(Simulation(18, settings or Settings())) as sim:
        return _packed(sim, a_second, wait_seconds, tasks)


def _packed(sim: Simulation, a_second: float, wait_seconds: float, tasks: int) -> Packing:
    agents = ceil(a_second * wait_seconds / AT_A_TIME)
    for number in range(agents):
        sim.agent(f"agent-{number}", f"project-{number}", max_concurrent_tasks=MOST_OF_AN_AGENT)

    def accept() -> None:
        number = sim.random.randrange(agents)
        sim.accept(f"agent-{number}", wait_seconds, project_id=f"project-{number}", timeout_ms=900_000)

    start = wait_seconds + 30
    seconds = max(LEAST_SECONDS, min(tasks / a_second, MOST_SECONDS))
    sim.arrivals(a_second, start + seconds, accept)
    sim.run(start)
    running: list[int] = []
    before = _so_far(sim)

    async def look() -> None:
        while True:
            running.append(sim.worker.running)
            await asyncio.sleep(POLL_SECONDS)

    looking = sim.kernel.loop.create_task(look())
    sim.run(seconds)
    looking.cancel()
    came, invocations, receives = (now - then for now, then in zip(_so_far(sim), before, strict=True))
    workers = sum(running) / len(running)
    return Packing(
        workers * seconds / came, invocations / came, receives / came, workers, sim.deployment.room
    )


def _so_far(sim: Simulation) -> tuple[int, int, int]:
    return sim.number, sim.worker.invocations, sum(source.receives for source in sim.sources)
