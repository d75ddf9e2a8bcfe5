"""The model is overloaded for a long time."""

from tests.load.scenario import Claim, Scenario
from tests.load.simulator.model import Overload
from tests.load.simulator.simulation import Simulation

MINUTE, HOUR = 60, 3_600
BEGINS = 1
SETTLED_SECONDS = 5 * MINUTE
TASK_SECONDS = 60


def hour_of_529(sim: Simulation, scale: float) -> None:
    """5,000 tasks of a minute, which may take a day, meet an hour in which every call is refused with 529."""
    ends = BEGINS + HOUR
    sim.model.overloads.append(Overload(BEGINS, ends))
    tasks = int(5_000 * scale)
    agents = max(1, tasks // 50)
    for number in range(agents):
        sim.agent(f"agent-{number}", max_concurrent_tasks=50)
    for number in range(tasks):
        sim.accept(f"agent-{number % agents}", TASK_SECONDS, timeout_ms=24 * HOUR * 1_000)
    sim.run(ends)
    calls = sum(
        count for second, count in sim.model.called.items() if BEGINS + SETTLED_SECONDS <= second < ends
    )
    sim.figures["calls a second meanwhile"] = calls / (HOUR - SETTLED_SECONDS)
    sim.figures["seconds to full speed"] = _seconds_to_full_speed(sim)
    sim.run_until_done(2 * HOUR)


def _seconds_to_full_speed(sim: Simulation) -> float:
    """Until nine tenths of the possible number of tasks are running, at most ten minutes."""
    began = sim.kernel.time
    while sim.kernel.time < began + 10 * MINUTE:
        sim.run(1)
        if sim.model.under_way >= 0.9 * min(sim.monitor.places, len(sim.monitor.live)):
            break
    return sim.kernel.time - began


SCENARIOS = (
    Scenario(
        "overload for an hour",
        hour_of_529.__doc__ or "",
        hour_of_529,
        (
            Claim(
                "tasks not completed",
                lambda report: report.tasks - report.ends["completed"],
                most=0,
            ),
            Claim(
                "calls a second meanwhile",
                lambda report: report.figures["calls a second meanwhile"],
                most=1,
            ),
            Claim(
                "seconds to full speed after it",
                lambda report: report.figures["seconds to full speed"],
                most=2 * MINUTE,
            ),
        ),
        {"WorkerConcurrency": "100", "MaxTaskTimeoutMs": "86400000"},
        quick=0.02,
        usual=0.2,
    ),
)
