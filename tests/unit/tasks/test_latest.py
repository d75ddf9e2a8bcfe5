"""An agent's tasks, the latest change first: nothing twice, nothing missed, and counted."""

from typing import Any

import pytest

from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.tasks import TaskSummary
from a2a_tasks.tasks.latest import InvalidToken, LatestPage, LatestTasks
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer


def page(deployment: Deployment, size: int = 100, token: str | None = None, **filters: Any) -> LatestPage:
    def is_wanted(summary: TaskSummary) -> bool:
        return all(getattr(summary, name) == value for name, value in filters.items())

    context_id = filters.get("context_id")
    return latest_of(deployment).page("demo", "writer", is_wanted, size, token, context_id)


def latest_of(deployment: Deployment) -> LatestTasks:
    return LatestTasks(deployment.store, deployment.contexts, deployment.registry, deployment.finalizer())


def several(deployment: Deployment, count: int) -> list[Task]:
    tasks = []
    for _ in range(count):
        tasks.append(deployment.submit())
        deployment.clock.advance(1)
    return tasks


def ids_of(tasks: list[Task]) -> list[str]:
    return [task.ref.task_id for task in tasks]


def test_what_has_changed_last_comes_first(deployment: Deployment) -> None:
    first, second, third = several(deployment, 3)
    deployment.tasks().cancel("demo", "writer", first.ref.task_id)

    found = page(deployment)

    assert ids_of(found.tasks) == ids_of([first, third, second])
    assert (found.token, found.total) == (None, 3)


def test_pages_follow_each_other(deployment: Deployment) -> None:
    tasks = several(deployment, 5)

    pages = [page(deployment, 2)]
    while token := pages[-1].token:
        pages.append(page(deployment, 2, token))

    assert [ids_of(each.tasks) for each in pages] == [
        ids_of([tasks[4], tasks[3]]),
        ids_of([tasks[2], tasks[1]]),
        ids_of([tasks[0]]),
    ]
    assert {each.total for each in pages} == {5}


def test_tasks_of_one_moment_are_paged_too(deployment: Deployment) -> None:
    tasks = [deployment.submit() for _ in range(4)]

    first = page(deployment, 3)
    second = page(deployment, 3, first.token)

    assert sorted(ids_of(first.tasks + second.tasks)) == sorted(ids_of(tasks))


def test_only_what_is_wanted_is_shown_and_counted(deployment: Deployment) -> None:
    several(deployment, 2)
    done = deployment.submit(context_id="talk")
    deployment.tasks().cancel("demo", "writer", done.ref.task_id)

    assert ids_of(page(deployment, context_id="talk").tasks) == [done.ref.task_id]
    found = page(deployment, 1, status=Status.PENDING)
    assert (len(found.tasks), found.total) == (1, 2)


def test_a_long_conversation_is_found_whole(deployment: Deployment) -> None:
    tasks = []
    for number in range(120):
        tasks.append(deployment.submit(context_id="talk" if number % 8 else "other"))
        deployment.clock.advance(1)

    found = page(deployment, 200, context_id="talk")

    assert found.total == 105
    assert ids_of(found.tasks) == [task.ref.task_id for task in reversed(tasks) if task.context_id == "talk"]


def test_a_task_past_its_deadline_is_not_shown_as_live(deployment: Deployment) -> None:
    task = deployment.submit(queue_timeout_ms=1_000)
    deployment.clock.advance(2)

    (shown,) = page(deployment, status=Status.FAILED).tasks

    assert (shown.ref, shown.status) == (task.ref, Status.FAILED)
    assert page(deployment, status=Status.PENDING).total == 0


def test_an_agent_that_another_project_had_shows_none_of_its_tasks(deployment: Deployment) -> None:
    deployment.registry.apply(agent(project_id="other"))
    deployment.submit(project_id="other")
    deployment.registry.apply(agent())

    assert page(deployment).total == 0


@pytest.mark.parametrize("token", ["", "x", "1_x", "1750000000000", "_", "1_" + "g" * 36])
def test_a_token_that_the_list_did_not_give_is_refused(deployment: Deployment, token: str) -> None:
    with pytest.raises(InvalidToken):
        page(deployment, token=token)


def test_another_projects_agent_does_not_exist(deployment: Deployment) -> None:
    with pytest.raises(RequestRefused):
        latest_of(deployment).page("rival", "writer", lambda _: True, 10, None)


def test_the_summary_is_that_of_the_task(deployment: Deployment) -> None:
    task = deployment.submit(context_id="talk")
    deployment.model.then(answer("Cut", stop_reason="refusal"))
    deployment.work()

    (summary,) = deployment.store.summaries("writer", 10)

    assert summary == TaskSummary.of(deployment.now_of(task))
    assert summary.failure is not None
