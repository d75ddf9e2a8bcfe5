"""The lease: renewed while there is work, and work stops as soon as it must not go on."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.faults import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.tasks import Claim, Release, Written
from a2a_tasks.services.lease import Held, LeaseKeeper, Stop, Stopped
from tests.twins.deployment import LEASE_SECONDS, Deployment, inline
from tests.twins.failpoints import Failpoints

BEAT = LEASE_SECONDS // 3
Work = Callable[[], Awaitable[str]]


def claim(deployment: Deployment, task: Task) -> Task:
    now = deployment.clock.now()
    claim_id = deployment.entropy.bytes(8).hex()
    result = deployment.store.claim(task.ref, Claim(claim_id, now, now + LEASE_SECONDS * 1000, task.fence))
    assert isinstance(result, Written)
    return result.task


async def for_ever() -> str:
    await asyncio.Event().wait()
    return ""


async def hold(
    deployment: Deployment, work: Work, points: Failpoints | None = None, seconds: float = 250
) -> str:
    """Work on a new task, held by a beating keeper."""
    points = points or Failpoints()
    task = claim(deployment, deployment.submit())
    (delivery,) = deployment.queue.receive()
    keeper = LeaseKeeper(
        points.wrap("store", deployment.store),
        points.wrap("queue", deployment.queue),
        deployment.clock,
        deployment.telemetry,
        inline,
        LEASE_SECONDS,
    )
    beating = asyncio.ensure_future(keeper.keep_beating())
    assert task.lease_until is not None
    held = Held(delivery, task, task.lease_until, task.deadline)
    try:
        async with keeper.holding(held):
            return await held.supervise(work(), deployment.clock, seconds, Stop.SHUTDOWN)
    finally:
        assert not keeper.held
        beating.cancel()


def stopped(
    deployment: Deployment, points: Failpoints | None = None, work: Work = for_ever
) -> tuple[Stop, int]:
    """Why work stopped, and after how many seconds."""
    started = deployment.clock.now()
    with pytest.raises(Stopped) as stop:
        deployment.clock.run(hold(deployment, work, points))
    return stop.value.why, (deployment.clock.now() - started) // 1000


def the_task(deployment: Deployment) -> Task:
    (task,) = deployment.store.tasks.values()
    return task


def test_work_that_ends_is_returned(deployment: Deployment) -> None:
    async def work() -> str:
        await deployment.clock.sleep(100)
        return "done"

    assert deployment.clock.run(hold(deployment, work)) == "done"
    renewals = [change.after.lease_until for change in deployment.store.changes if change.method == "renew"]
    start = the_task(deployment).created_at
    assert renewals == [start + (n * BEAT + LEASE_SECONDS) * 1000 for n in range(1, 7)]


def test_the_message_stays_hidden_as_long_as_the_lease_lives(deployment: Deployment) -> None:
    async def work() -> str:
        for _ in range(100):
            await deployment.clock.sleep(2)
            (message,) = deployment.queue.messages
            hidden.append(message.visible_at == the_task(deployment).lease_until)
        return "done"

    hidden: list[bool] = []
    deployment.clock.run(hold(deployment, work))
    assert all(hidden[10:])


def test_an_error_of_the_work_is_raised(deployment: Deployment) -> None:
    async def work() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        deployment.clock.run(hold(deployment, work))


def test_a_cancel_stops_the_work_within_one_beat(deployment: Deployment) -> None:
    def cancel() -> None:
        deployment.tasks().cancel("demo", "writer", the_task(deployment).ref.task_id)

    deployment.clock.later(BEAT + 1, cancel)
    assert stopped(deployment) == (Stop.ENDED, 2 * BEAT)


def test_a_deleted_task_stops_the_work(deployment: Deployment) -> None:
    deployment.clock.later(1, deployment.store.tasks.clear)
    assert stopped(deployment) == (Stop.ENDED, BEAT)


def test_another_workers_claim_stops_the_work_as_lost(deployment: Deployment) -> None:
    def overtake() -> None:
        task = the_task(deployment)
        deployment.store.release(task.ref, task.fence, Release(0, 0, task.created_at, task.spent))
        claim(deployment, task)

    deployment.clock.later(1, overtake)
    assert stopped(deployment) == (Stop.LOST, BEAT)
    assert the_task(deployment).fence == 2


def test_a_short_outage_of_the_store_is_tolerated(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("store.renew", StoreUnavailable("down"), call=1)

    async def work() -> str:
        await deployment.clock.sleep(2.5 * BEAT)
        return "done"

    assert deployment.clock.run(hold(deployment, work, points)) == "done"
    assert deployment.telemetry.names() == ["lease not renewed"]
    assert (
        the_task(deployment).lease_until
        == the_task(deployment).created_at + (2 * BEAT + LEASE_SECONDS) * 1000
    )


def test_an_outage_stops_the_work_before_another_worker_may_claim(deployment: Deployment) -> None:
    points = Failpoints()
    points.down("store", StoreUnavailable("down"))
    why, seconds = stopped(deployment, points)
    assert why is Stop.LOST
    assert seconds == 2 * BEAT
    assert seconds < LEASE_SECONDS


def test_an_outage_of_the_queue_does_not_stop_the_work(deployment: Deployment) -> None:
    points = Failpoints()
    points.down("queue", QueueUnavailable("down"))
    assert stopped(deployment, points) == (Stop.SHUTDOWN, 250)
    assert set(deployment.telemetry.names()) == {"messages not hidden"}
    assert the_task(deployment).status is Status.RUNNING


def test_an_unexpected_error_does_not_stop_the_heart(deployment: Deployment) -> None:
    points = Failpoints()
    points.fail("store.renew", ValueError("cannot read the answer"))
    assert stopped(deployment, points) == (Stop.SHUTDOWN, 250)
    assert points.calls["store.renew"] == 250 // BEAT


def test_the_first_reason_to_stop_counts(deployment: Deployment) -> None:
    async def both() -> Stop:
        held = Held(deployment.queue.receive()[0], task, 0, task.deadline)
        held.interrupt(Stop.ENDED)
        held.interrupt(Stop.DEADLINE)
        return await held.stop

    task = deployment.submit()
    assert deployment.clock.run(both()) is Stop.ENDED


def test_stopped_work_has_ended_when_that_is_known(deployment: Deployment) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await deployment.clock.sleep(3)
            cleaned_up.append(deployment.clock.now())
        return ""

    cleaned_up: list[int] = []
    assert stopped(deployment, work=stubborn) == (Stop.SHUTDOWN, 253)
    assert cleaned_up == [deployment.clock.now()]


def test_a_beat_that_fails_in_an_unforeseen_way_does_not_cost_the_next_one(deployment: Deployment) -> None:
    async def work() -> str:
        await deployment.clock.sleep(2 * LEASE_SECONDS)
        return "done"

    points = Failpoints()
    points.fail("store.renew", ValueError("a defect"), call=1)
    assert deployment.clock.run(hold(deployment, work, points)) == "done"
    renewals = [change for change in deployment.store.changes if change.method == "renew"]
    assert len(renewals) >= 4
