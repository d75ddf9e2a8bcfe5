"""The worker dies before and after every single call it makes; each time the task ends, once, as promised."""

import pytest

from a2a_tasks.domain.task import LEASE_GRACE_MS, Status
from a2a_tasks.ports.model import ModelBusy
from tests.twins.deployment import LEASE_SECONDS, MAX_ATTEMPTS, Deployment
from tests.twins.failpoints import Crash, Failpoints
from tests.twins.model import after, answer

LARGE = "x" * 20_000


SWEEP_SECONDS = 60
WORK_SECONDS = 20
RECOVERY_SECONDS = LEASE_SECONDS + LEASE_GRACE_MS / 1000 + SWEEP_SECONDS
"""If the worker died before it tied its message to its lease: until the sweeper has noticed."""


def recover(deployment: Deployment) -> None:
    """What goes on without the dead process: deliveries as they become visible, and a sweep a minute."""
    for second in range(1, 300):
        deployment.clock.advance(1)
        if deliveries := deployment.queue.receive():
            deployment.clock.run(deployment.invoke(deliveries))
        if second % SWEEP_SECONDS == 0:
            deployment.sweep()
        if all(task.is_terminal for task in deployment.store.tasks.values()):
            return


def drain(deployment: Deployment) -> None:
    """Let every message come back that is still hidden."""
    deployment.clock.advance(deployment.queue.visibility_seconds)
    deployment.work()


def scenario(crash_at: int | None, crash_after: bool) -> tuple[Deployment, Failpoints]:
    """A large task that takes 20 s and one that is overloaded once, in one invocation."""
    deployment = Deployment()
    deployment.submit(LARGE)
    deployment.submit("busy")
    slow = after(deployment.clock, WORK_SECONDS, answer(LARGE))
    deployment.model.on(LARGE, slow, slow)
    deployment.model.on("busy", ModelBusy("Overloaded."))
    points = Failpoints(crash_at=crash_at, crash_after=crash_after)
    try:
        deployment.work(points)
    except Crash:
        assert points.dead
    return deployment, points


CALLS = scenario(None, crash_after=False)[1].calls.total()


def test_the_scenario_calls_every_port() -> None:
    assert {point.partition(".")[0] for point in scenario(None, crash_after=False)[1].calls} == {
        "store",
        "registry",
        "payloads",
        "queue",
        "model",
    }


@pytest.mark.parametrize("crash_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(1, CALLS + 1))
def test_every_task_completes_once_wherever_the_worker_dies(crash_at: int, crash_after: bool) -> None:
    deployment, points = scenario(crash_at, crash_after)
    assert points.dead
    died_at = deployment.clock.now()
    recover(deployment)
    for task in deployment.store.tasks.values():
        assert task.status is Status.COMPLETED
        assert deployment.store.finishes[task.ref] == 1
        assert task.attempt <= MAX_ATTEMPTS
        assert task.completed_at is not None
        assert task.completed_at - died_at <= (RECOVERY_SECONDS + WORK_SECONDS) * 1_000
    attempts = sum(task.attempt for task in deployment.store.tasks.values())
    assert len(deployment.model.requests) <= attempts
    drain(deployment)
    assert not deployment.queue.messages
    assert not deployment.sweep().looked_at


def test_a_worker_that_dies_in_mid_call_is_replaced_within_a_minute() -> None:
    deployment = Deployment()
    task = deployment.submit()
    deployment.model.then(after(deployment.clock, 30, Crash("SIGKILL")), answer())
    with pytest.raises(Crash):
        deployment.work()
    died_at = deployment.clock.now()
    recover(deployment)
    ended = deployment.now_of(task)
    assert ended.completed_at is not None
    assert (ended.status, ended.attempt) == (Status.COMPLETED, 2)
    assert ended.completed_at - died_at <= LEASE_SECONDS * 1_000
