"""The capacity of one deployment."""

from functools import partial

from tests.load.scenario import Claim, Scenario, failed
from tests.load.scenarios.sweeping import hold
from tests.load.simulator.settings import SourceSettings
from tests.load.simulator.simulation import Simulation

MINUTE = 60
AGENTS = 20
TASK_SECONDS = 2
FAR_MS = 20 * MINUTE * 1_000


def sustained(a_second: float, seconds: float, sim: Simulation, scale: float) -> None:
    """Tasks of two seconds arrive at random, of twenty agents."""
    for number in range(AGENTS):
        sim.agent(f"agent-{number}", f"project-{number % 5}", max_concurrent_tasks=5_000)

    def submit() -> None:
        number = sim.random.randrange(AGENTS)
        sim.submit(f"agent-{number}", TASK_SECONDS, project_id=f"project-{number % 5}")

    sim.arrivals(a_second * scale, seconds, submit)
    sim.run(seconds)
    sim.run_until_done(10 * MINUTE)


def big(sim: Simulation, scale: float) -> None:
    """50,000 tasks run elsewhere, 50,000 are in line, and 100,000 of eight agents are due at one moment."""
    for number in range(8):
        sim.agent(f"busy-{number}", "busy", max_concurrent_tasks=5_000)
        sim.agent(f"line-{number}", "line", max_concurrent_tasks=5)
        sim.agent(f"late-{number}", "late", max_concurrent_tasks=5_000)
    for source in sim.sources:
        source.settings = SourceSettings(10, 0)  # the workers are not part of this scenario
    running = [
        sim.accept(f"busy-{n % 8}", 600, project_id="busy", announced=False, timeout_ms=1_500_000)
        for n in range(int(50_000 * scale))
    ]
    hold(sim, running, 3_000, 1_500)
    slots = sim.deployment.slots()
    for n in range(int(50_000 * scale)):
        task = sim.accept(f"line-{n % 8}", 60, project_id="line", announced=False, timeout_ms=1_800_000)
        slots.enter(task)
    moment = sim.kernel.clock.now() + FAR_MS
    for n in range(int(100_000 * scale)):
        sim.accept(f"late-{n % 8}", 2, project_id="late", announced=False, not_before=moment)
    sim.run(FAR_MS / 1_000 + 5 * MINUTE)


def hot_agent(sim: Simulation, scale: float) -> None:
    """5,000 tasks a second are created for an agent that has 50 running."""
    sim.agent("hot", max_concurrent_tasks=50)
    for _ in range(50):
        sim.accept("hot", 60, 10)
    sim.run(30)
    sim.arrivals(5_000 * scale, 8, lambda: sim.submit("hot", 2, timeout_ms=60_000))
    sim.run(MINUTE)
    sim.figures["leases lost"] = sim.deployment.telemetry.counts["worker lost its lease"]
    sim.figures["creations refused"] = sim.refused


ALL_DONE = Claim("tasks failed", failed, most=0)


def _sustained(a_second: int, seconds: int, workers: int, start_late: float) -> Scenario:
    return Scenario(
        f"{a_second:,} a second",
        f"For {seconds} s {sustained.__doc__}",
        partial(sustained, a_second, seconds),
        (
            ALL_DONE,
            Claim("start, 99 % (s)", lambda report: report.start_late_p99, most=start_late),
        ),
        {"WorkerConcurrency": str(workers)},
        quick=None,
    )


SCENARIOS = (
    _sustained(1, 600, 10, 5),
    _sustained(100, 60, 60, 20),
    _sustained(1_000, 10, 500, 30),
    Scenario(
        "M5 hot agent",
        hot_agent.__doc__ or "",
        hot_agent,
        (
            Claim("leases lost", lambda report: report.figures["leases lost"], most=0),
            Claim("turns cut off", lambda report: report.cut_off, most=0),
        ),
        quick=None,
    ),
    Scenario(
        "big",
        big.__doc__ or "",
        big,
        (
            Claim("age of the oldest due entry (s)", lambda report: report.oldest_due, most=120),
            Claim("deadlines late (s)", lambda report: report.deadline_late_max, most=120),
        ),
        usual=0.05,
        quick=None,
    ),
)
