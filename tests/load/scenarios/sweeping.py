"""The sweeper has more to check than it can."""

from dataclasses import replace

from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.tasks import Claim as TaskClaim
from tests.load.scenario import Claim, Scenario, failed
from tests.load.simulator.simulation import Simulation

MINUTE = 60
FIFTEEN_MINUTES_MS = 900_000
TASKS_OF_A_WORKER = 10


def hold(sim: Simulation, tasks: list[Task], seconds: float, deadline_in: float) -> None:
    """Let workers elsewhere hold these tasks. They renew their leases, and do nothing else."""
    now, twins = sim.kernel.clock.now(), sim.deployment
    for start in range(0, len(tasks), TASKS_OF_A_WORKER):
        group = tasks[start : start + TASKS_OF_A_WORKER]
        worker_id = f"elsewhere-{group[0].ref.task_id}"
        refs = frozenset(task.ref for task in group)
        until = now + int(seconds * 1000)
        twins.workers.open(Lease(worker_id, until, refs, due_at=until))
        for task in group:
            twins.store.claim(task.ref, TaskClaim(worker_id, now, worker_id, 0))
            running = twins.store.tasks[task.ref]
            twins.store.tasks[task.ref] = replace(running, deadline=now + int(deadline_in * 1000))


def many_running(sim: Simulation, scale: float) -> None:
    """6,000 tasks run elsewhere and their deadlines pass, while others of another project do so too."""
    for number in range(4):
        sim.agent(f"busy-{number}", "busy", max_concurrent_tasks=2_000)
    sim.agent("quiet", "quiet")
    sim.deployment.registry.put_project(replace(sim.deployment.registry.projects["demo"], project_id="busy"))
    sim.run(1)
    running = [
        sim.accept(f"busy-{n % 4}", 600, project_id="busy", announced=False, timeout_ms=1_200_000)
        for n in range(int(6_000 * scale))
    ]
    hold(sim, running, 1_000, 1_200)
    for _ in range(8):
        sim.run(MINUTE)
        for _ in range(10):
            sim.accept("quiet", 600, project_id="quiet", queue_timeout_ms=60_000)


def long_line(sim: Simulation, scale: float) -> None:
    """An agent with 50 slots has 2,000 in line; another project's tasks pass their deadlines in line."""
    sim.agent("busy", "busy", max_concurrent_tasks=50)
    sim.agent("quiet", "quiet", max_concurrent_tasks=1)
    sim.accept("quiet", *[50] * 30, project_id="quiet", timeout_ms=1_800_000)
    sim.run(5)
    for _ in range(int(2_050 * scale)):
        sim.accept("busy", 60, project_id="busy", timeout_ms=1_800_000)
    sim.run(2 * MINUTE)
    for _ in range(6):
        sim.run(MINUTE)
        for _ in range(5):
            sim.accept("quiet", 600, project_id="quiet", queue_timeout_ms=60_000)
    sim.run(2 * MINUTE)


def one_moment(sim: Simulation, scale: float) -> None:
    """30,000 tasks were delayed to the same moment; each lasts 2 s, and waits 300 s at most."""
    moment = sim.kernel.clock.now() + FIFTEEN_MINUTES_MS + 300_000
    for number in range(8):
        sim.agent(f"agent-{number}", max_concurrent_tasks=50)
    for number in range(int(30_000 * scale)):
        sim.accept(f"agent-{number % 8}", 2, not_before=moment, queue_timeout_ms=300_000)
    sim.run(17 * MINUTE)
    sim.run_until_done(20 * MINUTE)


LATE = Claim("deadlines written late, at most (s)", lambda report: report.deadline_late_max, most=120)
OLDEST = Claim("age of the oldest due entry (s)", lambda report: report.oldest_due, most=120)

SCENARIOS = (
    Scenario("H2 6,000 running", many_running.__doc__ or "", many_running, (LATE, OLDEST), quick=None),
    Scenario(
        "H2 2,000 in line",
        long_line.__doc__ or "",
        long_line,
        (LATE, OLDEST),
        quick=0.2,
    ),
    Scenario(
        "H2 30,000 at one moment",
        one_moment.__doc__ or "",
        one_moment,
        (
            LATE,
            OLDEST,
            Claim("tasks failed", failed, most=0),
        ),
        {"WorkerConcurrency": "40"},
        usual=0.2,
        quick=None,
    ),
)
