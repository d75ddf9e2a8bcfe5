"""Replies that are paid for, while what they are written to does not answer."""

from dataclasses import replace
from decimal import Decimal

from tests.load.cloud import Weather
from tests.load.scenario import Claim, Scenario, failed
from tests.load.simulation import Simulation

MINUTE = 60


def counter_throttled(sim: Simulation, scale: float) -> None:
    """The project's counter does not answer for two minutes, in which replies come of tasks that have one."""
    sim.agent(max_concurrent_tasks=50)
    registry = sim.deployment.registry
    registry.put_project(replace(registry.projects["demo"], daily_cost_usd=Decimal(1_000)))
    sim.cloud.weather.append(Weather("spend.add_spend", 2, 2 * MINUTE))
    for _ in range(int(10 * scale)):
        sim.accept("writer", 5, 5, timeout_ms=60_000)
    sim.run_until_done(5 * MINUTE)


def slow_at_shutdown(sim: Simulation, scale: float) -> None:
    """Turns end just before their workers do, and each write of one takes 9 s."""
    sim.agent(max_concurrent_tasks=50)
    sim.cloud.weather += [Weather(each, 0, 400, seconds=9) for each in ("records.put", "store.advance")]
    for number in range(int(50 * scale)):
        sim.accept("writer", 255 + number * 0.3 / scale, 10, timeout_ms=1_800_000)
    sim.run_until_done(20 * MINUTE)


SCENARIOS = (
    Scenario(
        "M1 counter throttled",
        counter_throttled.__doc__ or "",
        counter_throttled,
        (Claim("tasks failed", failed, most=0),),
    ),
    Scenario(
        "M1 slow at shutdown",
        slow_at_shutdown.__doc__ or "",
        slow_at_shutdown,
        (
            Claim(
                "turns bought twice",
                lambda report: report.bought_twice,
                most=0,
                waits_for="saving that nothing cancels",
            ),
            Claim("tasks failed", failed, most=0),
        ),
        {"WorkerTimeoutSeconds": "300"},
    ),
)
