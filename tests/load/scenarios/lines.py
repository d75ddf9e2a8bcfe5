"""Lines for an agent's slots."""

from dataclasses import replace

from a2a_tasks.ports.slots import Scope, Waiter
from tests.load.scenario import Claim, Scenario
from tests.load.simulator.simulation import Simulation

MINUTE = 60


def dead_waiters(sim: Simulation, scale: float) -> None:
    """One task ends, with a free slot beside it, while 400 whose time is over are still in line."""
    sim.agent(max_concurrent_tasks=5)
    scope, twins = Scope("writer"), sim.deployment
    for _ in range(int(400 * scale)):
        task = sim.accept("writer", 1, queue_timeout_ms=1_000, announced=False)
        twins.slot_store.wait(scope, Waiter(task.ref.task_id, task.priority, task.fence, task.deadline))
        twins.store.tasks[task.ref] = replace(task, due_at=task.deadline + 3_600_000)
    sim.run(5)
    before = sim.cloud.calls.total()
    last = sim.accept("writer", 2)
    while twins.now_of(last).completed_at is None and sim.kernel.time < 5 * MINUTE:
        sim.run(0.1)
    sim.run(1)
    sim.figures["calls"] = sim.cloud.calls.total() - before


SCENARIOS = (
    Scenario(
        "H6 400 dead waiters",
        dead_waiters.__doc__ or "",
        dead_waiters,
        (
            Claim(
                "calls for the one task",
                lambda report: report.figures["calls"],
                most=60,
            ),
        ),
    ),
)
