"""A run of the batcher dies at every single call, or another comes in between: nothing happens twice."""

from decimal import Decimal

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.batches import NotAccepted
from a2a_tasks.ports.model import ModelBusy
from tests.integration.support.texts import incompressible
from tests.twins.batch_lane import BatchLane
from tests.twins.deployment import agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.stores.batches import answer

pytestmark = pytest.mark.slow

DAY = "2026-01-01"
PRICE = Decimal("0.00225")
"""Half of 1,000 tokens in at $3 and 100 out at $15 per million."""
LARGE = incompressible(20_000)


@pytest.fixture
def lane() -> BatchLane:
    return BatchLane()


def play(lane: BatchLane, points: Failpoints) -> list[Task]:
    """Five tasks to their ends: one is overloaded first, one is large, one the API refuses, so that their
    batch is split, and one is of another project. The first creation is not accepted. A run that dies is
    followed by others; batches end every other minute."""
    lane.deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal(10)))
    lane.api.on("busy", ModelBusy("Overloaded."))
    lane.api.on(LARGE, answer(LARGE))
    lane.deployment.registry.apply(agent("rival", project_id="rival"))
    lane.api.refused.add("poison")
    lane.api.unwilling.append(NotAccepted("Rate limited."))
    tasks = [lane.submit(message) for message in ("plain", "busy", LARGE, "poison")]
    tasks.append(lane.submit("other", agent_id="rival", project_id="rival"))
    for number in range(60):
        try:
            lane.minute(points if not points.dead else None)
        except Crash:
            lane.deployment.sweep()
        if number % 2:
            lane.api.end()
        if all(lane.now_of(task).is_terminal for task in tasks) and not lane.batches.open:
            break
    return tasks


def check(lane: BatchLane, tasks: list[Task]) -> None:
    *answered, poison, other = tasks
    assert [lane.now_of(task).status for task in (*answered, other)] == [Status.COMPLETED] * 4
    assert lane.failure_of(poison) == (FailureCode.EXECUTION_ERROR, "The API answered 400: poison")
    assert [lane.deployment.store.finishes[task.ref] for task in tasks] == [1] * 5
    assert [lane.api.times_sent(task) for task in tasks] == [1, 2, 1, 0, 1], "nothing is submitted twice"
    assert [lane.now_of(task).usage.turns for task in tasks] == [1, 1, 1, 0, 1]
    for _ in range(4):
        lane.minute()
    assert not lane.batches.open
    assert not lane.batches.line
    assert sum(lane.api.times_sent(task) for task in tasks) == 5


def calls_of_a_whole_play() -> Failpoints:
    points = Failpoints()
    lane = BatchLane()
    check(lane, play(lane, points))
    return points


WHOLE = calls_of_a_whole_play()


def test_the_play_calls_every_port() -> None:
    ports = {point.partition(".")[0] for point in WHOLE.calls}
    assert ports >= {"batches", "store", "registry", "payloads", "api", "spend"}
    assert WHOLE.calls.keys() >= {"batches.split", "batches.pause", "batches.project", "batches.open_of"}


@pytest.mark.parametrize("crash_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(1, WHOLE.calls.total() + 1))
def test_wherever_a_run_dies_every_task_ends_once_and_is_submitted_once(
    lane: BatchLane, crash_at: int, crash_after: bool
) -> None:
    points = Failpoints(crash_at=crash_at, crash_after=crash_after)

    tasks = play(lane, points)

    assert points.dead
    check(lane, tasks)


@pytest.mark.parametrize(
    ("point", "call"), [(point, n + 1) for point in sorted(WHOLE.calls) for n in range(WHOLE.calls[point])]
)
def test_wherever_another_run_comes_between_nothing_happens_twice(
    lane: BatchLane, point: str, call: int
) -> None:
    points = Failpoints()
    points.before(point, lane.work_meanwhile, call=call)

    tasks = play(lane, points)

    assert not points.interludes
    check(lane, tasks)
    assert lane.deployment.spend.spend("demo", DAY).cost_usd == 3 * PRICE
    assert not lane.deployment.telemetry.errors
