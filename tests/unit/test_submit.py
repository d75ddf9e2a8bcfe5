"""Submitting: what was answered is durable, and what was not is not there."""

from typing import Any

import pytest

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.ids import created_ms, is_task_id
from a2a_tasks.domain.task import DISPATCH_GRACE_MS, Status
from a2a_tasks.ports.faults import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from a2a_tasks.services.submit import Submission
from tests.twins.deployment import MAX_ATTEMPTS, MODEL, Deployment, agent
from tests.twins.failpoints import Crash, Failpoints


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
    assert task.deadline == now + 300_000
    assert task.due_at == now + DISPATCH_GRACE_MS
    assert task.input.inline == '{"message":"Write a report.","context":{"language":"de"}}'
    assert [message.ref for message in deployment.queue.messages] == [task.ref]
    assert deployment.telemetry.counts["TasksCreated"] == 1


def test_the_timeout_is_the_callers_else_the_agents_within_the_maximum(deployment: Deployment) -> None:
    now = deployment.clock.now()
    assert deployment.submit(timeout_ms=1_000).deadline == now + 1_000
    assert deployment.submit(timeout_ms=1_000).due_at == now + 1_000
    deployment.registry.apply(agent(timeout_ms=9_000_000))
    assert deployment.submit().deadline == now + 1_800_000
    assert deployment.submit(timeout_ms=9_000_000).deadline == now + 1_800_000


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
    assert len(deployment.payloads.objects[task.input.key]) == 100_000 + len('{"message":""}')


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
    assert deployment.telemetry.names() == ["task not announced; the sweeper will"]
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


def assert_sweeper_rescues(deployment: Deployment) -> None:
    assert deployment.sweep().resent == 0, "it is not due yet"
    deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
    assert deployment.sweep().resent == 1
    deployment.work()
    assert [task.status for task in deployment.store.tasks.values()] == [Status.COMPLETED]
