"""What was paid for is saved, and counted once, whatever stops the work and however slow a store is."""

from dataclasses import replace

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.overload.pace import FIRST_GAP_MS, Pace, PaceKey
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.model import ModelReply
from tests.integration.support.texts import incompressible
from tests.twins.deployment import MODEL, Deployment, agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.faults.slow import Slow
from tests.twins.model import after, answer, uses


@pytest.fixture
def budgeted(deployment: Deployment) -> Deployment:
    deployment.registry.apply(agent(allowed_tools=("Glob",)))
    deployment.registry.put_project(ProjectSettings("demo", daily_tokens=100_000))
    return deployment


def tool(text: str = "Looking. ") -> ModelReply:
    return uses(("Glob", {"pattern": "*"}), text=text)


def said(deployment: Deployment, task: Task) -> object:
    return deployment.shown(task)["output"]


def counted(deployment: Deployment) -> int:
    return sum(usage.tokens for usage in deployment.spend.by_day.values())


def work_slowly(deployment: Deployment, slow: dict[str, float], seconds: float = 900.0) -> list[str]:
    clock = deployment.clock
    deliveries = deployment.queue.receive()
    freeze = Slow(clock, slow)
    kept = clock.run(deployment.invoke(deliveries, seconds=seconds, freeze=freeze))
    assert freeze.delayed == slow.keys()
    return kept


def test_an_answer_does_not_wait_for_the_counter(budgeted: Deployment) -> None:
    task = budgeted.submit(timeout_ms=60_000)
    budgeted.model.then(after(budgeted.clock, 5, answer()))
    work_slowly(budgeted, {"DayCount.settle": 120})
    ended = budgeted.now_of(task)
    assert (ended.status, ended.completed_at) == (Status.COMPLETED, task.created_at + 5_000)
    assert counted(budgeted) == 15


@pytest.mark.parametrize("timeout", [60, 300])
def test_what_was_being_counted_when_the_work_was_stopped_is_counted_once(
    budgeted: Deployment, timeout: int
) -> None:
    """At the deadline, and at the end of the function's time."""
    task = budgeted.submit(timeout_ms=timeout * 1000)
    budgeted.model.then(after(budgeted.clock, 55, tool()), answer())
    work_slowly(budgeted, {"DayCount.add": 15}, seconds=80)
    if timeout == 60:
        assert budgeted.now_of(task).completed_at == task.created_at + 60_002, "the end is written first"
        assert counted(budgeted) == 15
    else:
        budgeted.work()
        assert budgeted.now_of(task).status is Status.COMPLETED
        assert (counted(budgeted), budgeted.model.bought) == (30, 2)


def test_a_turn_that_was_finished_right_before_the_deadline_is_in_what_there_is(budgeted: Deployment) -> None:
    task = budgeted.submit(timeout_ms=60_000)
    budgeted.model.then(after(budgeted.clock, 55, tool("Paid for. ")))
    work_slowly(budgeted, {"Checkpoints._advance": 3})  # what the turn may come to is written down first
    ended = budgeted.now_of(task)
    assert (ended.status, ended.turns) == (Status.FAILED, 1)
    assert said(budgeted, task) == {"result": "Paid for. ", "partial": True}


def submitted_after_an_overload(deployment: Deployment) -> Task:
    """A task whose model was overloaded, and may be called again now."""
    now = deployment.clock.now()
    task = deployment.submit(timeout_ms=60_000)
    deployment.store.tasks[task.ref] = replace(deployment.now_of(task), throttled_calls=1)
    key = PaceKey(MODEL, Backend.CLAUDE_API.value)
    deployment.paces.put(key, None, Pace(FIRST_GAP_MS, now - FIRST_GAP_MS, now))
    return task


def test_a_finished_turn_does_not_wait_for_its_report_to_the_pace(budgeted: Deployment) -> None:
    """The first that succeeds after an overload, while the table that has the pace is slow."""
    task = submitted_after_an_overload(budgeted)
    budgeted.model.then(after(budgeted.clock, 55, answer()))
    work_slowly(budgeted, {"MemoryPaces.put": 10})
    ended = budgeted.now_of(task)
    assert (ended.status, ended.completed_at) == (Status.COMPLETED, task.created_at + 55_000)
    assert counted(budgeted) == 15


def test_a_turn_that_was_stopped_before_its_call_is_not_counted(budgeted: Deployment) -> None:
    """It waits for its turn at the model while the table that has the pace is slow."""
    task = submitted_after_an_overload(budgeted)
    budgeted.model.then(after(budgeted.clock, 30, tool()))
    work_slowly(budgeted, {"MemoryPaces.take": 40})
    assert (budgeted.now_of(task).status, len(budgeted.model.requests)) == (Status.FAILED, 1)
    assert counted(budgeted) == 15


def test_what_a_canceled_task_has_just_said_is_kept(budgeted: Deployment) -> None:
    task = budgeted.submit()
    budgeted.model.then(after(budgeted.clock, 5, tool("Paid for. ")))
    budgeted.clock.later(6, lambda: budgeted.tasks().cancel("demo", "writer", task.ref.task_id))
    work_slowly(budgeted, {"Checkpoints._advance": 3})
    assert said(budgeted, task) == {"result": "Paid for. ", "partial": True}
    assert counted(budgeted) == 15


def test_records_that_are_slow_at_the_end_of_the_functions_time_cost_no_second_turn(
    budgeted: Deployment,
) -> None:
    task = budgeted.submit()
    budgeted.model.then(after(budgeted.clock, 59, tool()), answer())
    work_slowly(budgeted, {"Checkpoints._record": 3}, seconds=80)
    budgeted.work()
    assert budgeted.now_of(task).status is Status.COMPLETED
    assert budgeted.model.bought == 2


@pytest.mark.parametrize("point", ["store.finish", "payloads.put"])
def test_an_answer_is_saved_also_a_while_after_the_work_should_have_ended(
    budgeted: Deployment, point: str
) -> None:
    """The store is out for the last 40 s of the time for work, and 8 s longer."""
    task = budgeted.submit()
    budgeted.model.then(after(budgeted.clock, 20, answer(incompressible(20_000))))
    points = Failpoints()
    fault = StoreUnavailable if point.startswith("store") else PayloadUnavailable
    points.down(point, fault("Throttled."))
    budgeted.clock.later(68, lambda: points.up(point))
    budgeted.clock.run(budgeted.invoke(budgeted.queue.receive(), points, seconds=80))
    assert budgeted.now_of(task).status is Status.COMPLETED
    assert budgeted.model.bought == 1


def test_a_throttled_table_costs_no_running_task_its_lease_or_a_turn(budgeted: Deployment) -> None:
    """For two minutes, from when the first reply comes: no claim, no checkpoint and no end can be written."""
    running, waiting = budgeted.submit("First."), budgeted.submit("Second.")
    budgeted.model.on("First.", after(budgeted.clock, 20, tool()), answer())
    points = Failpoints()
    budgeted.clock.later(20, lambda: points.down("store", StoreUnavailable("Throttled.")))
    budgeted.clock.later(140, lambda: points.up("store"))
    budgeted.model.on("Second.", after(budgeted.clock, 20, answer()))
    budgeted.work(points)
    for task in (running, waiting):
        ended = budgeted.now_of(task)
        assert (ended.status, ended.attempt, ended.fence) == (Status.COMPLETED, 1, 1)
        assert (ended.completed_at or 0) - task.created_at < 150_000
    assert budgeted.model.bought == 3
    told = {line.name for line in budgeted.telemetry.events}
    assert "task completed" in told
    assert "worker lost its lease" not in told


@pytest.mark.parametrize("point", ["registry.revision", "payloads.get", "records.records"])
def test_an_outage_of_what_a_task_needs_to_begin_costs_no_attempt(budgeted: Deployment, point: str) -> None:
    """For a quarter of an hour."""
    task = budgeted.submit(incompressible(20_000), timeout_ms=1_800_000)
    points = Failpoints()
    if point == "records.records":
        budgeted.claim(task)  # or there would be nothing to read
    points.down(point, (PayloadUnavailable if "payloads" in point else StoreUnavailable)("down"))
    budgeted.clock.later(900, lambda: points.up(point))
    budgeted.queue.max_receives = 20
    for _ in range(100):
        budgeted.work(points)
        budgeted.clock.advance(10)
    ended = budgeted.now_of(task)
    assert (ended.status, budgeted.model.bought) == (Status.COMPLETED, 1)
    assert ended.attempt == 1 + (point == "records.records")
    assert (ended.completed_at or 0) - task.created_at < 1_000_000


def test_an_outage_ends_a_task_that_has_no_time_for_another_try(budgeted: Deployment) -> None:
    task = budgeted.submit(timeout_ms=9_000)
    points = Failpoints()
    points.down("registry.revision", StoreUnavailable("The table is out."))
    budgeted.work(points)
    failure = budgeted.now_of(task).failure
    assert failure is not None
    assert (
        failure.message == "The table is out. (The next try, in 10 s, would come after the task's deadline.)"
    )
