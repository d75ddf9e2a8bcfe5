"""Batches that the API refuses."""

from a2a_tasks.domain.task import Lane
from tests.load.scenario import Claim, Scenario
from tests.load.simulation import Simulation

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
)
