"""Whoever waits looks often after a change and seldom later on, and never sees a task go back."""

import re
from bisect import bisect_left
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

import pytest

from a2a_tasks.domain.polling import CLOSEST_SECONDS, FARTHEST_SECONDS
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.tasks.polling import TaskPoller
from tests.twins.deployment import Deployment, agent

DECISIONS = Path("docs/decisions/streams.md")
ROW = re.compile(r"^\| (\d+) (s|min) \| (\d+) \| ([\d.]+) s \| ([\d.]+) s \|$", re.MULTILINE)
FAR_MS = 1_000_000
ENDS = 1_000
"""Of tasks that end evenly from a tenth before a length to a tenth after it."""


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def running(deployment: Deployment) -> Task:
    deployment.registry.apply(agent(timeout_ms=1_800_000))
    return deployment.claim(deployment.submit())


def poller_of(deployment: Deployment) -> TaskPoller:
    return TaskPoller(deployment.store, deployment.finalizer(), deployment.clock.advance)


def moments(deployment: Deployment, task: Task, for_ms: int = FAR_MS) -> list[float]:
    """Seconds from now at which a task is looked at to which nothing happens."""
    begun = deployment.clock.now()
    seen = poller_of(deployment).states(task, begun + for_ms)
    return [(deployment.clock.now() - begun) / 1000 for each in seen if not each.is_terminal]


def test_what_waiting_adds_is_as_documented(deployment: Deployment) -> None:
    looked_at = moments(deployment, running(deployment))
    rows = ROW.findall(DECISIONS.read_text())
    assert len(rows) == 7

    for number, unit, *figures in rows:
        length = int(number) * (60 if unit == "min" else 1)
        ends = [length * (0.9 + 0.2 * n / ENDS) for n in range(ENDS)]
        late = [looked_at[bisect_left(looked_at, end)] - end for end in ends]
        until_then = bisect_left(looked_at, length) + 1
        assert figures == [str(until_then), f"{median(late):.1f}", f"{quantiles(late, n=20)[-1]:.1f}"], length


def test_a_look_is_never_farther_than_a_stream_may_be_silent(deployment: Deployment) -> None:
    looked_at = moments(deployment, running(deployment))

    pauses = [round(later - earlier, 2) for earlier, later in pairwise(looked_at)]
    assert (pauses[0], pauses[-2]) == (CLOSEST_SECONDS, FARTHEST_SECONDS)
    assert pauses[:-1] == sorted(pauses[:-1]), "farther apart the longer nothing happens"


def test_after_a_change_it_is_looked_at_closely_again(deployment: Deployment) -> None:
    task = running(deployment)
    deployment.clock.advance(600)
    long_quiet = moments(deployment, task, 3_000)
    changed = replace(task, updated_at=deployment.clock.now())
    deployment.store.tasks[task.ref] = changed

    assert long_quiet == [0.0, 3.0], "at the wait's own end"
    assert len(moments(deployment, changed, 1_000)) == 6


def test_one_that_starts_later_is_looked_at_closely_when_it_starts(deployment: Deployment) -> None:
    task = deployment.submit(not_before=deployment.clock.now() + 40_000)

    looked_at = moments(deployment, task, 45_000)

    assert sum(at < 10 for at in looked_at) < 10
    assert sum(38 <= at < 42 for at in looked_at) > 15


def test_a_deadline_is_not_slept_over(deployment: Deployment) -> None:
    task = running(deployment)
    deployment.clock.advance(1_799)
    polled = poller_of(deployment).states(task, task.deadline + FAR_MS)

    ended = next(seen for seen in polled if seen.is_terminal)

    assert (ended.status, ended.completed_at) == (Status.FAILED, task.deadline)


def test_a_task_that_is_gone_is_not_looked_at_more_often(deployment: Deployment) -> None:
    task = running(deployment)
    del deployment.store.tasks[task.ref]
    deployment.clock.advance(1_799)

    assert len(moments(deployment, task, 61_000)) <= 15


class Behind:
    """A store whose looks find what was there before, or nothing."""

    def __init__(self, deployment: Deployment, *seen: Task | None) -> None:
        self.deployment = deployment
        self.seen = list(seen)

    def get_eventually_consistent(self, _: object) -> Task | None:
        return self.seen.pop(0)


def test_what_a_replica_has_not_heard_of_yet_is_not_believed(deployment: Deployment) -> None:
    before = deployment.submit()
    task = deployment.claim(before)
    done = replace(task, status=Status.COMPLETED, events=(*task.events, task.events[-1]))
    store = Behind(deployment, None, before, done, task)
    poller = TaskPoller(store, deployment.finalizer(), deployment.clock.advance)  # type: ignore[arg-type]

    seen = poller.states(task, deployment.clock.now() + 60_000)

    statuses = [next(seen).status for _ in range(5)]
    assert statuses == [Status.RUNNING] * 3 + [Status.COMPLETED] * 2
