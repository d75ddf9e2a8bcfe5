"""What goes on does not queue behind what begins."""

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.task import Priority, Status, Task
from a2a_tasks.execution.worker import SHUTDOWN_MARGIN_SECONDS
from tests.twins.deployment import LEASE_SECONDS, Deployment, agent
from tests.twins.model import Step, after, answer, hang, uses


@pytest.fixture
def team(deployment: Deployment) -> Deployment:
    tools = ("Glob", "ask_user", "call_agent")
    deployment.registry.apply(agent(allowed_tools=tools, max_concurrent_tasks=1))
    deployment.registry.apply(agent("helper"))
    deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    return deployment


def urgent(deployment: Deployment) -> list[str]:
    """The tasks whose messages go first."""
    return [message.ref.task_id for message in deployment.queue.messages if message.is_urgent and message.ref]


def begin(deployment: Deployment, *steps: Step, seconds: float = 900.0) -> Task:
    task = deployment.submit("First.")
    deployment.model.on("First.", *steps)
    deployment.work(seconds=seconds)
    return deployment.now_of(task)


def test_a_new_task_does_not(team: Deployment) -> None:
    team.submit()
    assert urgent(team) == []


def test_a_new_task_of_high_priority(team: Deployment) -> None:
    task = team.submit(priority=Priority.HIGH)
    assert urgent(team) == [task.ref.task_id]


def test_a_task_that_was_handed_over(team: Deployment) -> None:
    task = begin(team, uses(("Glob", {"pattern": "*"})), hang, seconds=60 + SHUTDOWN_MARGIN_SECONDS)
    assert task.status is Status.PENDING
    assert urgent(team) == [task.ref.task_id]


def test_a_task_that_was_answered(team: Deployment) -> None:
    task = begin(team, uses(("ask_user", {"question": "Which?"})))
    team.answerer().answer(task, "This one.")
    assert urgent(team) == [task.ref.task_id]


def test_a_task_whose_children_have_ended(team: Deployment) -> None:
    task = begin(team, uses(("call_agent", {"agent": "helper", "message": "Help."})))
    assert urgent(team) == []
    team.work()
    assert urgent(team) == [task.ref.task_id]


def test_a_task_that_was_given_a_slot(team: Deployment) -> None:
    team.submit("First.")
    team.model.on("First.", after(team.clock, 20, answer()))
    second = team.submit("Second.")
    team.work()
    assert urgent(team) == [second.ref.task_id]


def test_a_task_whose_worker_died(team: Deployment) -> None:
    task = team.submit()
    team.claim(task)
    team.queue.messages.clear()
    team.clock.advance(LEASE_SECONDS + 60)
    team.sweep()
    assert urgent(team) == [task.ref.task_id]
