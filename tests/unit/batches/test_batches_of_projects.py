"""Whose turn it is: a batch has one project's tasks, and every project in line gets its turn."""

import asyncio
from decimal import Decimal

import pytest

from a2a_tasks.batches import submission
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.batches import IDLE_MS
from a2a_tasks.ports.errors import StoreUnavailable
from tests.twins.batch_lane import BatchLane
from tests.twins.deployment import agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.stores.batches import answer


@pytest.fixture
def lane() -> BatchLane:
    return BatchLane()


def project(lane: BatchLane, name: str) -> dict[str, str]:
    """Where a task of this project goes."""
    lane.deployment.registry.apply(agent(name, project_id=name))
    return {"project_id": name, "agent_id": name}


def test_a_batch_has_the_tasks_of_one_project(lane: BatchLane) -> None:
    rival = project(lane, "rival")
    ours = [lane.submit("one"), lane.submit("two")]
    theirs = [lane.submit("three", **rival)]

    lane.minute()

    batches = [set(batch.requests) for batch in lane.api.batches]
    assert sorted(batches, key=len) == [
        {task.ref.task_id for task in theirs},
        {task.ref.task_id for task in ours},
    ]
    assert {batch.project_id for batch in lane.batches.open.values()} == {"demo", "rival"}


@pytest.mark.slow
def test_a_project_with_a_long_line_does_not_hold_up_one_with_a_single_task(
    lane: BatchLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "MAX_REQUESTS", 100)
    for number in range(1_000):
        lane.submit(f"crowd {number}")
    others = [lane.submit("late", **project(lane, f"p{n}")) for n in range(20)]

    lane.minute()

    assert [lane.api.times_sent(task) for task in others] == [1] * 20
    last = max(n for n, batch in enumerate(lane.api.batches) if others[-1].ref.task_id in batch.requests)
    crowd_before = sum(len(batch.requests) == 100 for batch in lane.api.batches[:last])
    assert crowd_before <= submission.AT_ONCE, "it had its one turn in between"
    assert len(lane.api.batches) == 10 + 20, "and all that is in line goes in the same run"


def test_runs_with_little_time_do_not_always_begin_with_the_same_projects(
    lane: BatchLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "ENOUGH", 1)
    monkeypatch.setattr(submission, "MAX_REQUESTS", 1)
    tasks = [lane.submit("hello", **where) for n in range(12) for where in [project(lane, f"p{n}")] * 20]
    served: set[str] = set()
    for _ in range(10):
        enough = len(lane.api.creations) + 4

        def time_left(enough: int = enough) -> float:
            return 240.0 if len(lane.api.creations) < enough else 0.0

        assert not asyncio.run(lane.batcher().work(time_left)).finished
        served = {task.project_id for task in tasks if lane.now_of(task).status is Status.RUNNING}

    assert len(served) == 12, "the first four alone have work for 20 runs"


def test_a_project_whose_line_cannot_be_read_holds_up_no_other(lane: BatchLane) -> None:
    first, second = lane.submit("one"), lane.submit("two", **project(lane, "rival"))
    points = Failpoints()
    points.fail("batches.waiting", StoreUnavailable("throttled"))

    report = lane.minute(points)

    assert (report.errors, report.submitted) == (1, 1)
    assert lane.api.times_sent(first) + lane.api.times_sent(second) == 1


def test_a_project_in_error_holds_up_no_other(lane: BatchLane) -> None:
    lane.submit("one")
    lane.submit("two", **project(lane, "rival"))
    points = Failpoints()
    points.fail("batches.begin", RuntimeError("a defect"))

    report = lane.minute(points)

    assert (report.errors, report.submitted) == (1, 1)


# -- the list of projects


def test_a_project_that_was_idle_for_an_hour_is_listed_no_longer(lane: BatchLane) -> None:
    lane.submit("one")
    lane.minute()
    assert [one.project_id for one in lane.batches.projects()] == ["demo"]

    lane.deployment.clock.advance(IDLE_MS / 1000)
    lane.work()

    assert lane.batches.projects() == []


def test_a_project_whose_tasks_may_start_later_stays_listed(lane: BatchLane) -> None:
    start = lane.deployment.clock.now() + 20 * 3_600_000
    task = lane.submit("later", not_before=start)
    for _ in range(19):
        lane.deployment.clock.advance(3_600)
        lane.work()
    assert not lane.api.batches

    lane.deployment.clock.advance(3_600)
    lane.minute()

    assert lane.api.times_sent(task) == 1


def test_a_project_that_is_put_in_line_as_it_is_forgotten_stays_listed(lane: BatchLane) -> None:
    lane.submit("one")
    lane.minute()
    lane.deployment.clock.advance(IDLE_MS / 1000)
    points = Failpoints()
    points.before("batches.forget", lambda: lane.submit("two"))

    lane.work(points)

    assert [one.project_id for one in lane.batches.projects()] == ["demo"]


# -- budgets


def test_what_a_project_has_in_batches_counts_against_its_day_alone(lane: BatchLane) -> None:
    for name in ("demo", "rival"):
        lane.deployment.registry.put_project(ProjectSettings(name, daily_cost_usd=Decimal("0.02")))
    rival = project(lane, "rival")
    ours = [lane.submit(f"{number}" * 10) for number in range(3)]
    lane.minute()
    late, other = lane.submit("late"), lane.submit("other", **rival)
    lane.minute()
    lane.minute()

    waiting = [task for task in (*ours, late) if lane.now_of(task).status is Status.PENDING]
    assert late in waiting
    assert lane.api.times_sent(other) == 1
    for task in ours:
        lane.api.on(f"{task}", answer())
    lane.api.end()
    lane.minute()
    lane.minute()
    assert lane.api.times_sent(waiting[0]) == 1
