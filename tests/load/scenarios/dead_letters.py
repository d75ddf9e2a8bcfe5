"""Messages of sound tasks that are received again and again."""

from tests.load.scenario import Claim, Scenario, failed_wrongly
from tests.load.simulator.cloud import Disturbance
from tests.load.simulator.model import Overload
from tests.load.simulator.simulation import Simulation

MINUTE = 60


def backlog_and_429s(sim: Simulation, scale: float) -> None:
    """40 tasks of ten turns start behind a backlog of 200 s, while one call in ten of the model is refused
    with 429."""
    for number in range(4):
        sim.agent(f"short-{number}", max_concurrent_tasks=50)
    sim.agent("long", max_concurrent_tasks=50, max_attempts=10)
    sim.model.overloads.append(Overload(0, 86_400, share=0.1, code=429, retry_after=10))
    for number in range(int(1_000 * scale)):
        sim.accept(f"short-{number % 4}", 20, timeout_ms=1_800_000)
    for _ in range(40):
        sim.accept("long", *[90] * 10, timeout_ms=1_800_000)
    sim.run_until_done(32 * MINUTE)


def outage(sim: Simulation, scale: float) -> None:
    """The store answers no reads of tasks for fifteen minutes. 40 tasks of five slots have half an hour."""
    sim.agent(max_concurrent_tasks=5)
    sim.cloud.disturbances.append(Disturbance("store.get", 5, 5 + 15 * MINUTE))
    sim.run(10)
    for _ in range(int(40 * scale)):
        sim.accept("writer", 20, timeout_ms=1_800_000)
    sim.run_until_done(32 * MINUTE)


SCENARIOS = (
    Scenario(
        "H3 backlog and 429s",
        backlog_and_429s.__doc__ or "",
        backlog_and_429s,
        (
            Claim("tasks failed wrongly", failed_wrongly, most=0),
            Claim("turns bought twice", lambda report: report.bought_twice, most=0),
        ),
        quick=None,
    ),
    Scenario(
        "H3 outage of 15 minutes",
        outage.__doc__ or "",
        outage,
        (
            Claim(
                "tasks not completed",
                lambda report: report.tasks - report.ends["completed"],
                most=0,
            ),
        ),
    ),
)
