"""Batches that the API rejects."""

from a2a_tasks.domain.task import Lane
from tests.load.scenario import Claim, Scenario
from tests.load.simulator.simulation import Simulation

MINUTE = 60
GUILTY = "guilty"


def one_request_refused(sim: Simulation, scale: float) -> None:
    """The API refuses a batch of three projects for one request of one of them."""
    sim.lane.api.refused.add(GUILTY)
    for name in ("one", "two", "three"):
        sim.agent(name, name)
        for number in range(int(20 * scale)):
            is_guilty = name == "three" and number == 7
            submission = sim.deployment.submission(
                GUILTY if is_guilty else f"{name} {number}",
                agent_id=name,
                project_id=name,
                lane=Lane.BATCH,
                timeout_ms=7_200_000,
            )
            sim.deployment.submitter().submit(submission)
    for _ in range(30):
        sim.run(MINUTE)
        sim.lane.api.end()


def long_line(sim: Simulation, scale: float) -> None:
    """20,000 tasks of one project in line, and one each of 50 others that came after them."""
    singles = [f"single-{number}" for number in range(50)]
    for name in ("crowd", *singles):
        sim.agent(name, name)
    for name in ("crowd",) * int(20_000 * scale) + tuple(singles):
        submission = sim.deployment.submission(
            f"of {name}", agent_id=name, project_id=name, lane=Lane.BATCH, timeout_ms=86_400_000
        )
        sim.deployment.submitter().submit(submission)
    for minute in range(1, 16):
        sim.run(MINUTE)
        sent = sum(len(batch.requests) for batch in sim.lane.api.batches)
        sim.figures[f"in batches after {minute} min"] = sent


SCENARIOS = (
    Scenario(
        "M4 a refused batch",
        one_request_refused.__doc__ or "",
        one_request_refused,
        (
            Claim(
                "tasks failed beside the guilty one",
                lambda report: report.tasks - report.ends["completed"] - 1,
                most=0,
            ),
            Claim(
                "tasks of other projects failed",
                lambda report: report.of_project["one"].failed + report.of_project["two"].failed,
                most=0,
            ),
        ),
    ),
    Scenario(
        "a long line of batches",
        long_line.__doc__ or "",
        long_line,
        (
            Claim(
                "seconds until the last single task is in a batch",
                lambda report: max(
                    of.start_late_max for name, of in report.of_project.items() if name != "crowd"
                ),
                most=180,
            ),
        ),
        quick=0.05,
    ),
)
