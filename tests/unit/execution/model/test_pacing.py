"""A pace's rules, and what a process does with it where the store fails."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.overload.pace import (
    DOUBLES_EVERY_MS,
    FIRST_GAP_MS,
    IN_A_ROW,
    LONGEST_GAP_MS,
    LONGEST_HOLD_MS,
    SHORTEST_GAP_MS,
    Pace,
    after_success,
    after_throttling,
)
from a2a_tasks.domain.task import Priority, Status, Task
from a2a_tasks.execution.worker import Executor
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import ModelBusy
from a2a_tasks.ports.slots import Scope
from tests.twins.deployment import FUNCTION_SECONDS, MODEL, Deployment, agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.model import answer, uses

NOW = 1_767_225_600_000
GAPS = st.integers(SHORTEST_GAP_MS, LONGEST_GAP_MS)


def throttled(retry_after: float | None = None, **fields: Any) -> ModelBusy:
    return ModelBusy("Overloaded.", retry_after, throttled=True, **fields)


class TestPace:
    def test_the_first_is_below_one_call_a_second(self) -> None:
        pace = after_throttling(None, NOW, None, is_overloaded=True)
        assert (pace.gap_ms, pace.next_at) == (FIRST_GAP_MS, NOW + FIRST_GAP_MS)
        assert FIRST_GAP_MS > 1_000

    @given(GAPS)
    def test_what_is_turned_away_makes_it_slower_within_bounds(self, gap: int) -> None:
        pace = after_throttling(Pace(gap, NOW, NOW), NOW + 1, None, is_overloaded=True)
        assert pace.gap_ms == min(2 * gap, LONGEST_GAP_MS)

    @given(GAPS)
    def test_it_grows_by_time_alone_until_it_is_over(self, gap: int) -> None:
        pace = after_success(Pace(gap, NOW, NOW), NOW)
        assert pace.gap_at(NOW + DOUBLES_EVERY_MS) == gap // 2
        assert pace.is_over(NOW + 120_000)
        assert not Pace(gap, NOW, NOW).is_over(NOW + 10**9), "not before a call was taken"

    @given(GAPS, st.integers(0, 40 * 86_400_000))
    def test_one_that_was_never_deleted_is_over(self, gap: int, later: int) -> None:
        """DynamoDB deletes what has expired within days: until then it is read."""
        pace = after_success(Pace(gap, NOW, NOW), NOW)
        assert pace.is_over(NOW + 120_000 + later)
        assert after_throttling(pace, NOW + 120_000 + later, None, is_overloaded=True).gap_ms == FIRST_GAP_MS

    @pytest.mark.parametrize(("asked", "held"), [(60, 60_000), (10**6, LONGEST_HOLD_MS), (0, FIRST_GAP_MS)])
    def test_what_the_service_asks_is_respected(self, asked: float, held: int) -> None:
        assert after_throttling(None, NOW, asked, is_overloaded=False).next_at == NOW + held

    def test_one_that_is_over_begins_anew(self) -> None:
        over = after_success(Pace(10, NOW, NOW), NOW)
        assert after_throttling(over, NOW + 60_000, None, is_overloaded=False).gap_ms == FIRST_GAP_MS


@pytest.fixture
def worker(deployment: Deployment) -> "Worker":
    return Worker(deployment)


class Worker:
    """One process that works on and on."""

    def __init__(self, deployment: Deployment, failpoints: Failpoints | None = None) -> None:
        self.deployment = deployment
        self.executor: Executor = deployment.executor(failpoints)

    def work(self, seconds: float = 1) -> None:
        """One invocation on what the queue holds, and then so much time."""
        deployment = self.deployment
        deliveries = deployment.queue.receive()
        end = deployment.clock.now() + FUNCTION_SECONDS * 1000

        def left() -> float:
            return (end - deployment.clock.now()) / 1000

        kept = deployment.clock.run(self.executor.execute(deliveries, left))
        deployment.queue.settle(deliveries, kept)
        deployment.clock.advance(seconds)

    def until_ended(self, task: Task, rounds: int = 400) -> Task:
        for _ in range(rounds):
            self.work()
            if (current := self.deployment.now_of(task)).is_terminal:
                return current
            self.deployment.sweep()
        raise AssertionError("the task does not end")


class TestTasks:
    def test_it_is_no_attempt_and_no_run_time(self, worker: Worker) -> None:
        deployment = worker.deployment
        task = deployment.submit(timeout_ms=60_000)
        deployment.model.then(*[throttled() for _ in range(8)], answer())
        ended = worker.until_ended(task)
        assert (ended.status, ended.attempt) == (Status.COMPLETED, 1)
        assert ended.completed_at is not None
        assert ended.completed_at - ended.created_at > 60_000, "it waited longer than it may run"
        assert not deployment.queue.messages

    def test_the_wait_is_bounded_by_the_queue_timeout_in_sum(self, worker: Worker) -> None:
        deployment = worker.deployment
        task = deployment.submit(queue_timeout_ms=100_000)
        deployment.clock.advance(40)
        deployment.model.then(*[throttled() for _ in range(50)])
        ended = worker.until_ended(task)
        assert ended.failure is not None
        assert ended.failure.code is FailureCode.MODEL_OVERLOADED
        assert "waited 100 s in all" in ended.failure.message
        assert 0 <= (ended.completed_at or 0) - task.created_at - 100_000 <= 5_000

    def test_what_it_has_done_is_kept_and_not_bought_again(self, worker: Worker) -> None:
        deployment = worker.deployment
        deployment.registry.apply(agent(allowed_tools=("Glob",)))
        task = deployment.submit(timeout_ms=60_000)
        deployment.model.then(uses(("Glob", {"pattern": "*"})), *[throttled() for _ in range(6)], answer())
        ended = worker.until_ended(task)
        assert (ended.status, ended.usage.turns) == (Status.COMPLETED, 2)

    def test_attempts_are_used_up_where_the_caller_has_bounded_them(self, worker: Worker) -> None:
        deployment = worker.deployment
        task = deployment.submit(max_attempts=2)
        deployment.model.then(*[throttled() for _ in range(5)])
        ended = worker.until_ended(task)
        assert ended.failure is not None
        assert (ended.failure.code, ended.attempt) == (FailureCode.MODEL_OVERLOADED, 2)
        assert len(deployment.model.requests) == 2

    def test_the_tasks_own_errors_use_them_up(self, worker: Worker) -> None:
        deployment = worker.deployment
        task = deployment.submit()
        deployment.model.then(*[ModelBusy("The connection was lost.") for _ in range(3)])
        ended = worker.until_ended(task)
        assert (ended.status, ended.attempt) == (Status.FAILED, 3)

    def test_whoever_waits_gives_back_slot_and_message(self, worker: Worker) -> None:
        deployment = worker.deployment
        deployment.registry.apply(agent(max_concurrent_tasks=IN_A_ROW))
        tasks = [deployment.submit() for _ in range(5)]
        deployment.model.then(*[throttled(30.0) for _ in range(IN_A_ROW)])
        for _ in tasks:
            worker.work()
        states = [deployment.now_of(task) for task in tasks]
        assert {task.status for task in states} == {Status.PENDING}
        assert not deployment.slot_store.page(Scope("writer"), 0)
        assert len(deployment.model.requests) == IN_A_ROW

    def test_one_call_that_is_turned_away_slows_no_other(self, worker: Worker) -> None:
        deployment = worker.deployment
        deployment.submit()
        others = [deployment.submit() for _ in range(4)]
        deployment.model.then(throttled(30.0))
        worker.work()
        assert {deployment.now_of(task).status for task in others} == {Status.COMPLETED}
        assert not deployment.paces.calls

    def test_events_say_what_it_waits_for(self, worker: Worker) -> None:
        deployment = worker.deployment
        task = deployment.submit()
        deployment.model.then(throttled(), answer())
        ended = worker.until_ended(task)
        told = [dict(event.details) for event in ended.events]
        waits = {"status": "pending", "reason": "waits_for_model", "code": "MODEL_OVERLOADED"}
        assert told == [
            {"status": "pending"},
            {"status": "running"},
            waits,
            {"status": "running"},
            {"status": "completed"},
        ]

    def test_it_is_counted_by_model(self, worker: Worker) -> None:
        for _ in range(IN_A_ROW):
            worker.deployment.submit()
        worker.deployment.model.then(*[throttled() for _ in range(IN_A_ROW)])
        worker.work()
        counts = worker.deployment.telemetry.counts
        assert (counts["ModelOverloaded", MODEL], counts["ModelRateLimited", MODEL]) == (IN_A_ROW, IN_A_ROW)
        assert worker.deployment.telemetry.durations["ModelPaceMs"] == [FIRST_GAP_MS]


class TestTheStore:
    @pytest.mark.parametrize("method", ["put", "take", "pace"])
    def test_without_it_a_process_goes_by_what_it_knows_itself(
        self, deployment: Deployment, method: str
    ) -> None:
        points = Failpoints()
        points.down(f"paces.{method}", StoreUnavailable("down"))
        worker = Worker(deployment, points)
        task = deployment.submit()
        deployment.model.then(*[throttled() for _ in range(5)], answer())
        assert worker.until_ended(task).status is Status.COMPLETED

    def test_without_throttling_it_is_not_asked(self, worker: Worker) -> None:
        task = worker.deployment.submit()
        assert worker.until_ended(task).status is Status.COMPLETED
        assert not worker.deployment.paces.calls

    def test_a_new_process_learns_of_it_from_the_first_task_that_was_turned_away(
        self, deployment: Deployment
    ) -> None:
        task, *_ = [deployment.submit() for _ in range(IN_A_ROW)]
        deployment.model.then(*[throttled(300.0) for _ in range(IN_A_ROW)])
        Worker(deployment).work(3)
        current = deployment.now_of(task)
        deployment.store.tasks[task.ref] = replace(current, not_before=0)
        deployment.queue.put(task.ref)
        other = Worker(deployment)
        other.work()
        assert deployment.now_of(task).throttled_calls == 2
        assert len(deployment.model.requests) == IN_A_ROW
        assert deployment.paces.calls["pace"] == 1


def test_a_task_that_was_postponed_is_not_moved_by_a_copy_of_its_message(worker: Worker) -> None:
    deployment = worker.deployment
    for _ in range(IN_A_ROW):
        deployment.submit()
    deployment.model.then(*[throttled(60.0) for _ in range(IN_A_ROW)])
    worker.work()
    task = deployment.submit(priority=Priority.LOW)
    worker.work()
    postponed = deployment.now_of(task)
    assert (postponed.throttled_calls, postponed.fence) == (1, 0)
    deployment.queue.put(task.ref)
    worker.work()
    assert deployment.now_of(task) == postponed
