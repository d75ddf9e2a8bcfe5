"""Replies that are paid for while the store that they are written to does not respond."""

from dataclasses import replace
from decimal import Decimal
from functools import partial

from tests.load.scenario import Claim, Scenario, failed
from tests.load.simulator.cloud import Disturbance
from tests.load.simulator.simulation import Simulation

MINUTE = 60


def counter_throttled(sim: Simulation, scale: float) -> None:
    """The project's counter does not answer for two minutes, in which replies come of tasks that have one."""
    sim.agent(max_concurrent_tasks=50)
    registry = sim.deployment.registry
    registry.put_project(replace(registry.projects["demo"], daily_cost_usd=Decimal(1_000)))
    sim.cloud.disturbances.append(Disturbance("spend.add_spend", 2, 2 * MINUTE))
    for _ in range(int(10 * scale)):
        sim.accept("writer", 5, 5, timeout_ms=60_000)
    sim.run_until_done(5 * MINUTE)


def slow_at_shutdown(write_seconds: float, sim: Simulation, scale: float) -> None:
    """Turns end just before their workers do, and each write is slow."""
    sim.agent(max_concurrent_tasks=50)
    sim.cloud.disturbances += [
        Disturbance(each, 0, 400, seconds=write_seconds) for each in ("records.put", "store.advance")
    ]
    for number in range(int(50 * scale)):
        sim.accept("writer", 264 + number * 0.3 / scale, 10, timeout_ms=1_800_000)
    sim.run_until_done(20 * MINUTE)


def _slow(write_seconds: float) -> Scenario:
    return Scenario(
        f"M1 writes of {write_seconds:g} s at shutdown",
        slow_at_shutdown.__doc__ or "",
        partial(slow_at_shutdown, write_seconds),
        (
            Claim("turns bought twice", lambda report: report.bought_twice, most=0),
            Claim("tasks failed", failed, most=0),
        ),
        {"WorkerTimeoutSeconds": "300"},
    )


SCENARIOS = (
    Scenario(
        "M1 counter throttled",
        counter_throttled.__doc__ or "",
        counter_throttled,
        (Claim("tasks failed", failed, most=0),),
    ),
    _slow(3),
    _slow(4.5),
)
