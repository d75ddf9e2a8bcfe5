"""Submitting: what was answered is durable, and what was not is not there."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.ids import created_ms, is_task_id
from a2a_tasks.domain.schedule import (
    DISPATCH_GRACE_MS,
    MAX_QUEUE_DELAY_MS,
    SWEEP_AHEAD_MS,
    Clocks,
    clocks_of_start,
)
from a2a_tasks.domain.task import Budget, Lane, Parent, Priority, Status, TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.tasks.submission import MAX_BATCH_TIMEOUT_MS, ChildOrigin, Submission
from tests.twins.deployment import MAX_ATTEMPTS, MODEL, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints

DAY_MS = 24 * 3_600_000


def submission(message: str = "Write a report.", timeout_ms: int | None = None) -> Submission:
    return Submission("demo", "writer", message, None, timeout_ms, "request-1")


def refusal(deployment: Deployment, **changes: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        deployment.submit(**changes)
    assert not deployment.store.tasks
    assert not deployment.queue.messages
    return refused.value


def test_a_task_is_stored_and_announced(deployment: Deployment) -> None:
    task = deployment.submit(context={"language": "de"})
    now = deployment.clock.now()
    assert deployment.now_of(task) == task
    assert is_task_id(task.ref.task_id)
    assert created_ms(task.ref.task_id) == now
    assert (task.status, task.attempt, task.max_attempts) == (Status.PENDING, 0, MAX_ATTEMPTS)
    assert (task.project_id, task.model, task.correlation_id) == ("demo", MODEL, "request-1")
    assert (task.timeout_ms, task.deadline) == (300_000, now + DAY_MS)
    assert task.due_at == now + DISPATCH_GRACE_MS
    assert task.input.inline == '{"message":"Write a report.","context":{"language":"de"}}'
    assert [message.ref for message in deployment.queue.messages] == [task.ref]
    assert deployment.telemetry.counts["TasksCreated"] == 1


def test_the_timeout_is_the_callers_else_the_agents_within_the_maximum(deployment: Deployment) -> None:
    assert deployment.submit(timeout_ms=1_000).timeout_ms == 1_000
    deployment.registry.apply(agent(timeout_ms=9_000_000))
    assert deployment.submit().timeout_ms == 1_800_000
    assert deployment.submit(timeout_ms=9_000_000).timeout_ms == 1_800_000


def test_the_time_to_wait_is_the_callers_else_the_agents(deployment: Deployment) -> None:
    now = deployment.clock.now()
    assert deployment.submit(queue_timeout_ms=1_000).deadline == now + 1_000
    assert deployment.submit(queue_timeout_ms=1_000).due_at == now + 1_000
    deployment.registry.apply(agent(queue_timeout_ms=60_000))
    assert deployment.submit().deadline == now + 60_000
    assert deployment.submit(queue_timeout_ms=90_000).deadline == now + 90_000
    assert deployment.submit(queue_timeout_ms=90_000, max_queue_timeout_ms=30_000).deadline == now + 30_000


def test_the_agents_revision_is_pinned(deployment: Deployment) -> None:
    before = deployment.submit()
    deployment.registry.apply(agent(model="claude-other"))
    after = deployment.submit()
    assert (before.agent_revision, before.model) == (1, MODEL)
    assert (after.agent_revision, after.model) == (2, "claude-other")


@pytest.mark.parametrize("agent_id", ["nobody", "theirs", "NOT-AN-ID", "", "a#b"])
def test_another_projects_agent_is_answered_like_a_missing_one(deployment: Deployment, agent_id: str) -> None:
    deployment.registry.apply(agent("theirs", "other"))
    error = refusal(deployment, agent_id=agent_id)
    assert error.to_body() == {"error": "There is no such agent.", "code": "AGENT_NOT_FOUND"}


def test_a_disabled_agent_takes_no_tasks_and_says_so_only_to_its_project(deployment: Deployment) -> None:
    deployment.registry.disable("writer")
    assert refusal(deployment).code is ErrorCode.AGENT_DISABLED
    assert refusal(deployment, project_id="other").code is ErrorCode.AGENT_NOT_FOUND


def test_a_large_message_is_stored_before_the_record_that_names_it(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("store.create", Crash("before create"))
    with pytest.raises(Crash):
        deployment.submitter(points).submit(submission("字" * 100_000))
    assert not deployment.store.tasks
    assert len(deployment.payloads.objects) == 1
    task = deployment.submit("字" * 100_000)
    assert task.input.key == f"tasks/{task.ref.task_id}/input.json"
    assert len(deployment.payloads.objects[task.input.key]) == 300_000 + len('{"message":""}')


def test_nothing_is_accepted_if_the_payload_store_fails(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("payloads.put", PayloadUnavailable("down"))
    with pytest.raises(PayloadUnavailable):
        deployment.submitter(points).submit(submission("字" * 100_000))
    assert not deployment.store.tasks
    assert not deployment.queue.messages


def test_nothing_is_accepted_if_the_store_fails(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("store.create", StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        deployment.submitter(points).submit(submission())
    assert not deployment.store.tasks
    assert not deployment.queue.messages
    assert deployment.telemetry.counts["TasksCreated"] == 0


def test_a_failed_send_is_made_up_for_by_the_sweeper(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("queue.send", QueueUnavailable("down"))
    task = deployment.submitter(points).submit(submission())
    assert not deployment.queue.messages
    assert deployment.telemetry.names() == ["task not announced; the sweeper will announce it"]
    assert_sweeper_rescues(deployment)
    assert deployment.now_of(task).status is Status.COMPLETED


def test_a_crash_between_put_and_send_is_made_up_for_by_the_sweeper(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("queue.send", Crash("between put and send"))
    with pytest.raises(Crash):
        deployment.submitter(points).submit(submission())
    assert len(deployment.store.tasks) == 1
    assert not deployment.queue.messages
    assert_sweeper_rescues(deployment)


def test_a_lost_answer_of_the_send_makes_no_second_execution(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("queue.send", QueueUnavailable("answer lost"), after=True)
    task = deployment.submitter(points).submit(submission())
    assert len(deployment.queue.messages) == 1
    deployment.work()
    assert deployment.now_of(task).status is Status.COMPLETED
    deployment.clock.advance(60)
    assert deployment.sweep().looked_at == 0
    assert len(deployment.model.requests) == 1


def test_a_task_whose_create_was_answered_late_still_ends(deployment: Deployment) -> None:
    """The caller got an error, but the record is there: nobody was told its id, and yet it is no leftover."""
    points = Failpoints()
    points.fail("store.create", StoreUnavailable("answer lost"), after=True)
    with pytest.raises(StoreUnavailable):
        deployment.submitter(points).submit(submission())
    assert_sweeper_rescues(deployment)


def test_what_the_caller_asked_for_is_in_the_task(deployment: Deployment) -> None:
    task = deployment.submit(priority=Priority.HIGH, max_attempts=2, context_id="talk", timeout_ms=9_000)
    assert (task.priority, task.max_attempts, task.context_id) == (Priority.HIGH, 2, "talk")
    assert (task.timeout_ms, task.lane, task.parent, task.depth) == (9_000, Lane.STANDARD, None, 0)
    assert deployment.now_of(task) == task


@pytest.mark.parametrize(
    ("of_agent", "asked", "given"), [(None, None, MAX_ATTEMPTS), (2, None, 2), (2, 1, 1), (5, 4, 4)]
)
def test_attempts_are_the_callers_within_what_the_agent_allows(
    deployment: Deployment, of_agent: int | None, asked: int | None, given: int
) -> None:
    deployment.registry.apply(agent(max_attempts=of_agent))
    assert deployment.submit(max_attempts=asked).max_attempts == given


@pytest.mark.parametrize(("of_agent", "asked"), [(None, MAX_ATTEMPTS + 1), (1, 2)])
def test_more_attempts_than_the_agent_allows_are_refused(
    deployment: Deployment, of_agent: int | None, asked: int
) -> None:
    deployment.registry.apply(agent(max_attempts=of_agent))
    error = refusal(deployment, max_attempts=asked)
    allowed = of_agent or MAX_ATTEMPTS
    assert error.to_body() == {
        "error": f"maxAttempts: is {asked}; this agent allows {allowed}",
        "code": "VALIDATION_ERROR",
        "details": [{"field": "maxAttempts", "message": f"is {asked}; this agent allows {allowed}"}],
    }


@pytest.mark.parametrize(
    ("of_agent", "asked", "given"),
    [
        ((None, None), Budget(), Budget()),
        ((Decimal(2), 500), Budget(), Budget(Decimal(2), 500)),
        ((Decimal(2), 500), Budget(Decimal(1), 900), Budget(Decimal(1), 500)),
        ((Decimal(2), None), Budget(Decimal(3), 900), Budget(Decimal(2), 900)),
        ((None, None), Budget(Decimal("0.1"), 1), Budget(Decimal("0.1"), 1)),
    ],
)
def test_a_budget_is_the_smaller_of_the_callers_and_the_agents(
    deployment: Deployment, of_agent: tuple[Decimal | None, int | None], asked: Budget, given: Budget
) -> None:
    deployment.registry.apply(agent(max_cost_usd=of_agent[0], max_task_tokens=of_agent[1]))
    assert deployment.submit(budget=asked).budget == given


def test_a_delayed_task_has_its_whole_time_from_its_start_on(deployment: Deployment) -> None:
    start = deployment.clock.now() + 60_000
    task = deployment.submit(not_before=start)
    assert (task.not_before, task.deadline) == (start, start + DAY_MS)
    assert task.due_at == start + DISPATCH_GRACE_MS
    deployment.clock.advance(59.9)
    assert deployment.work() == []
    assert deployment.now_of(task).status is Status.PENDING
    deployment.clock.advance(0.1)
    deployment.work()
    assert deployment.now_of(task).status is Status.COMPLETED
    assert deployment.now_of(task).deadline == start + 300_000


def test_the_delay_in_the_queue_ends_no_earlier_than_the_start(deployment: Deployment) -> None:
    start = deployment.clock.now() + 1_001
    deployment.submit(not_before=start)
    assert [message.visible_at for message in deployment.queue.messages] == [start + 999]


@pytest.mark.parametrize("delay_ms", [MAX_QUEUE_DELAY_MS, MAX_QUEUE_DELAY_MS + 1, 7 * 24 * 3_600_000])
def test_a_start_that_is_too_far_away_for_the_queue_is_the_sweepers(
    deployment: Deployment, delay_ms: int
) -> None:
    start = deployment.clock.now() + delay_ms
    task = deployment.submit(not_before=start)
    is_far = delay_ms > MAX_QUEUE_DELAY_MS
    assert len(deployment.queue.messages) == (0 if is_far else 1)
    assert task.due_at == (start - SWEEP_AHEAD_MS if is_far else start + DISPATCH_GRACE_MS)


def test_a_start_far_away_is_kept_to_the_second(deployment: Deployment) -> None:
    start = deployment.clock.now() + 3_600_000
    task = deployment.submit(not_before=start)
    while deployment.clock.now() < start - 60_000:
        assert deployment.work() == []
        deployment.clock.advance(60)
        deployment.sweep()
    assert [message.visible_at for message in deployment.queue.messages] == [start]
    deployment.clock.advance(59.9)
    deployment.work()
    assert deployment.now_of(task).status is Status.PENDING
    deployment.clock.advance(0.1)
    deployment.work()
    assert deployment.now_of(task).status is Status.COMPLETED


def test_a_batch_task_waits_for_its_batch_and_has_a_day(deployment: Deployment) -> None:
    task = deployment.submit(lane=Lane.BATCH)
    assert (task.lane, task.timeout_ms) == (Lane.BATCH, MAX_BATCH_TIMEOUT_MS)
    assert not deployment.queue.messages
    shorter = deployment.submit(lane=Lane.BATCH, timeout_ms=3_600_000)
    assert shorter.timeout_ms == 3_600_000


def test_a_batch_is_for_agents_without_tools(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("WebSearch",)))
    error = refusal(deployment, lane=Lane.BATCH)
    assert error.code is ErrorCode.VALIDATION_ERROR
    assert error.message.startswith("lane: is batch, which is for agents without tools")


def test_a_backend_without_batches_takes_no_batch_tasks(deployment: Deployment) -> None:
    submitter = replace(deployment.submitter(), has_batches=False)
    with pytest.raises(RequestRefused) as refused:
        submitter.submit(replace(submission(), lane=Lane.BATCH))
    assert [detail["field"] for detail in refused.value.details] == ["lane"]
    assert not deployment.store.tasks


def test_a_used_up_project_may_submit_again_the_next_day(deployment: Deployment) -> None:
    deployment.registry.put_project(ProjectSettings("demo", daily_cost_usd=Decimal("0.5")))
    day = day_of(deployment.clock.now())
    deployment.spend.add_spend("demo", day, Usage(1, cost_usd=Decimal("0.499999")))
    deployment.submit()
    deployment.spend.add_spend("demo", day, Usage(1, cost_usd=Decimal("0.000001")))
    deployment.clock.advance(3_600)
    with pytest.raises(RequestRefused) as refused:
        deployment.submit()
    assert (refused.value.code, refused.value.retry_after) == (ErrorCode.BUDGET_EXCEEDED, 23 * 3600)
    deployment.clock.advance(23 * 3600)
    assert deployment.submit().status is Status.PENDING


def test_if_it_cannot_be_told_what_was_spent_nothing_is_accepted(deployment: Deployment) -> None:
    deployment.registry.put_project(ProjectSettings("demo", daily_tokens=1))
    points = Failpoints()
    points.fail("spend.spend", StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        deployment.submitter(points).submit(submission())
    assert not deployment.store.tasks


def test_a_started_task_has_the_id_that_was_chosen_and_ends_with_its_parent(deployment: Deployment) -> None:
    parent = deployment.claim(deployment.submit(timeout_ms=10_000))
    chosen = "019b7b3e-0000-7000-8000-000000000001"
    origin = ChildOrigin(Parent(parent.ref, "call-1"), 1, chosen, parent.deadline)
    asked = replace(submission(timeout_ms=300_000), origin=origin)
    child = deployment.submitter().submit(asked)
    assert child.ref == TaskRef("writer", chosen)
    assert (child.deadline, child.depth, child.parent) == (parent.deadline, 1, Parent(parent.ref, "call-1"))
    assert clocks_of_start(child, deployment.clock.now() + 1) == Clocks(parent.deadline, 9_999)
    deployment.submitter().submit(asked)
    assert len(deployment.store.tasks) == 2
    assert deployment.now_of(child) == child


def assert_sweeper_rescues(deployment: Deployment) -> None:
    assert deployment.sweep().resent == 0, "it is not due yet"
    deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
    assert deployment.sweep().resent == 1
    deployment.work()
    assert [task.status for task in deployment.store.tasks.values()] == [Status.COMPLETED]
