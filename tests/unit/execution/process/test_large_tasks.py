"""Tasks that may be large are read a few at a time, so that a worker sees what memory they take before it
takes more."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.execution.worker import BEGUN_AT_ONCE
from tests.integration.support.texts import incompressible
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.slow import Slow
from tests.twins.model import after, answer

LOAD_SECONDS, TASKS = 2, 30


@dataclass
class Reads:
    """When each text of a task was read, in seconds from the start. ``loaded`` is called after each."""

    deployment: Deployment
    loaded: Callable[[], None] = lambda: None
    begun: list[float] = field(default_factory=list)

    def process(self) -> Slow:
        """A process in which reading a text takes ``LOAD_SECONDS``."""
        reads, began = self, self.deployment.clock.now()

        class Watched(Slow):
            async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
                is_read = getattr(call, "__qualname__", "") == "load"
                if is_read:
                    reads.begun.append((reads.deployment.clock.now() - began) / 1000)
                result = await super().run(call, *args, **kwargs)
                if is_read:
                    reads.loaded()
                return result

        return Watched(self.deployment.clock, {"load": LOAD_SECONDS})


@pytest.fixture
def deployment() -> Deployment:
    made = Deployment(room=100)
    made.registry.apply(agent(max_concurrent_tasks=100))
    made.registry.put_project(ProjectSettings("other"))
    made.registry.apply(agent("theirs", "other"))
    return made


def large(deployment: Deployment, **owner: str) -> Task:
    return deployment.submit(incompressible(20_000), **owner)


def work(deployment: Deployment, reads: Reads) -> None:
    """Until nothing is left to be done, with a model that takes half a minute."""
    count = len(deployment.store.tasks)
    deployment.model.then(*(after(deployment.clock, 30, answer()) for _ in range(count)))
    received = deployment.queue.receive(10)
    deployment.clock.run(deployment.invoke(received, freeze=reads.process()))


def test_a_burst_of_them_stops_where_memory_lacks(deployment: Deployment) -> None:
    """As soon as the first has been read."""

    def lack() -> None:
        deployment.process_load.memory = True

    tasks = [large(deployment) for _ in range(TASKS)]
    reads = Reads(deployment, lack)
    work(deployment, reads)

    assert len(reads.begun) <= BEGUN_AT_ONCE
    now = [deployment.now_of(task) for task in tasks]
    assert sum(task.status is Status.COMPLETED for task in now) == len(reads.begun)
    assert {task.attempt for task in now if task.status is Status.PENDING} == {0}

    deployment.process_load.memory = False
    while any(not deployment.now_of(task).is_terminal for task in tasks):
        deployment.clock.advance(60)
        work(deployment, Reads(deployment))
    assert {deployment.now_of(task).status for task in tasks} == {Status.COMPLETED}


def waited(deployment: Deployment, task: Task) -> float:
    """Seconds from its creation to its start."""
    started = deployment.now_of(task).started_at
    assert started is not None
    return (started - task.created_at) / 1000


def test_they_do_not_keep_a_short_task_waiting(deployment: Deployment) -> None:
    for _ in range(9):
        large(deployment)
    short = deployment.submit("Short.", agent_id="theirs", project_id="other")
    work(deployment, Reads(deployment))
    assert waited(deployment, short) < 1


def test_another_projects_is_read_next(deployment: Deployment) -> None:
    mine = [large(deployment) for _ in range(9)]
    theirs = large(deployment, agent_id="theirs", project_id="other")
    work(deployment, Reads(deployment))
    assert waited(deployment, theirs) == LOAD_SECONDS
    assert max(waited(deployment, task) for task in mine) == 2 * LOAD_SECONDS
