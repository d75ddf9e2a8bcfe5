"""How places in workers are distributed."""

from tests.load.scenario import Claim, Scenario, failed
from tests.load.simulator.simulation import Simulation

MINUTE = 60
MOST_IDLE = 6
"""The average is 5.2, and by seed 4.2 to 5.9, whether workers wait for direct messages for three, four
or five seconds."""


def long_tasks(sim: Simulation, scale: float) -> None:
    """Ten tasks of 14 minutes come within 5 s, then 120 short ones of another project."""
    sim.agent("long", "long", max_concurrent_tasks=50)
    sim.agent("short", "short", max_concurrent_tasks=50)
    sim.run(1)
    for _ in range(10):
        sim.run(0.5)
        sim.accept("long", *[60] * 14, project_id="long", timeout_ms=1_200_000)
    for _ in range(int(120 * scale)):
        sim.run(7)
        sim.accept("short", 5, project_id="short", queue_timeout_ms=300_000)
    sim.run_until_done(20 * MINUTE)


def waiting_counts(sim: Simulation, scale: float) -> None:
    """60 tasks of 60 s wait for five slots; each has 300 s from its start."""
    sim.agent(max_concurrent_tasks=5)
    for _ in range(int(60 * scale)):
        sim.accept("writer", 60, timeout_ms=300_000)
    sim.run_until_done(20 * MINUTE)


def continuations(sim: Simulation, scale: float) -> None:
    """Ten tasks of many turns are handed over at the end of their workers, while new ones of the same
    project fill the queue."""
    sim.agent("long", max_concurrent_tasks=50)
    for number in range(8):
        sim.agent(f"short-{number}", max_concurrent_tasks=50)
    for _ in range(10):
        sim.accept("long", *[40] * 10, timeout_ms=1_800_000)
    sim.run(20)
    for number in range(int(3_000 * scale)):
        sim.accept(f"short-{number % 8}", 20, timeout_ms=1_800_000)
    sim.run_until_done(25 * MINUTE)


def backlog(sim: Simulation, scale: float) -> None:
    """A project has 500 tasks of 20 s waiting, and nobody else has any."""
    for number in range(5):
        sim.agent(f"agent-{number}", max_concurrent_tasks=50)
    for number in range(int(500 * scale)):
        sim.accept(f"agent-{number % 5}", 20, timeout_ms=1_800_000)
    sim.run_until_done(15 * MINUTE)


def burst(sim: Simulation, scale: float) -> None:
    """100 tasks of two seconds, of an agent with 50 slots, when all workers are warm."""
    sim.agent(max_concurrent_tasks=50)
    for _ in range(200):
        sim.accept("writer", 1)
    sim.run(MINUTE)
    began = sim.kernel.time
    for _ in range(int(100 * scale)):
        sim.accept("writer", 2)
    sim.run_until_done(5 * MINUTE)
    sim.figures["seconds to the last"] = sim.monitor.last_end - began


def hundred_hand_overs(sim: Simulation, scale: float) -> None:
    """A hundred tasks of two long turns are with one worker as its time ends."""
    for number in range(4):
        sim.agent(f"agent-{number}", max_concurrent_tasks=50)
    for number in range(int(100 * scale)):
        sim.run(0.2)
        sim.accept(f"agent-{number % 4}", 200, 200, timeout_ms=1_800_000)
    sim.run_until_done(25 * MINUTE)


def hundred_orphans(sim: Simulation, scale: float) -> None:
    """A worker with a hundred tasks dies, and nobody submits another that would start the next."""
    for number in range(4):
        sim.agent(f"agent-{number}", max_concurrent_tasks=50)
    tasks = []
    for number in range(int(100 * scale)):
        sim.run(0.2)
        tasks.append(sim.accept(f"agent-{number % 4}", 120, 1, timeout_ms=1_800_000))
    sim.run(40)
    died = sim.kernel.time
    while sim.worker.running:
        sim.worker.kill_one()
        sim.run(0.01)
    store = sim.deployment.store
    while any(store.tasks[task.ref].fence == 1 for task in tasks) and sim.kernel.time < died + 5 * MINUTE:
        sim.run(1)
    sim.figures["seconds to the last take-over"] = sim.kernel.time - died
    sim.run_until_done(25 * MINUTE)


SCENARIOS = (
    Scenario(
        "a hundred hand-overs",
        hundred_hand_overs.__doc__ or "",
        hundred_hand_overs,
        (
            Claim("tasks failed", failed, most=0),
            Claim("workers killed at their timeout", lambda report: report.killed, most=0),
            Claim("turns bought twice", lambda report: report.bought_twice, most=0),
            Claim("longest wait of a task that goes on (s)", lambda report: report.go_on_late_max, most=20),
        ),
        {"WorkerTimeoutSeconds": "300"},
    ),
    Scenario(
        "a hundred orphans",
        hundred_orphans.__doc__ or "",
        hundred_orphans,
        (
            Claim("tasks failed", failed, most=0),
            Claim("turns bought twice", lambda report: report.bought_twice, most=0),
            Claim(
                "seconds to the last take-over",
                lambda report: report.figures["seconds to the last take-over"],
                most=25,
            ),
        ),
    ),
    Scenario(
        "H4 ten long tasks",
        long_tasks.__doc__ or "",
        long_tasks,
        (
            Claim(
                "start of a short task (s)",
                lambda report: report.of_project["short"].start_late_max,
                most=5,
            ),
            Claim("tasks failed", failed, most=0),
            Claim("places in a hundred idle while tasks waited", lambda report: report.idle, most=1),
        ),
    ),
    Scenario(
        "M2 waiting counts",
        waiting_counts.__doc__ or "",
        waiting_counts,
        (
            Claim("tasks failed", failed, most=0),
            Claim("turns cut off", lambda report: report.cut_off, most=0),
        ),
    ),
    Scenario(
        "M6 continuations",
        continuations.__doc__ or "",
        continuations,
        (
            Claim(
                "longest wait of a task that goes on (s)",
                lambda report: report.go_on_late_max,
                most=10,
            ),
        ),
        {"WorkerTimeoutSeconds": "300"},
        quick=None,
    ),
    Scenario(
        "backlog of one project",
        backlog.__doc__ or "",
        backlog,
        (
            Claim("places in a hundred idle while tasks waited", lambda report: report.idle, most=MOST_IDLE),
            Claim("calls a task", lambda report: report.calls_per_task, most=30),
        ),
        quick=1.0,
    ),
    Scenario(
        "burst of 100",
        burst.__doc__ or "",
        burst,
        (
            Claim(
                "seconds to the last",
                lambda report: report.figures["seconds to the last"],
                most=8,
            ),
        ),
    ),
)
