"""The heartbeat: a process keeps what it has claimed as long as it lives, and stops as soon as it must."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.execution.process.heartbeat import BEAT, DUE_MS, MOST_DISOWNED, Heartbeat
from a2a_tasks.execution.process.leases import SAVING_SECONDS, LeasedTask, StopCause, Stopped
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.tasks import Claim, Release, Written
from tests.twins.deployment import LEASE_SECONDS, Deployment
from tests.twins.faults.failpoints import Failpoints
from tests.twins.faults.freeze import Freeze
from tests.twins.stores.workers import MOST_NOTES

BEAT_SECONDS = BEAT * LEASE_SECONDS
FIRST_DOUBT_SECONDS = LEASE_SECONDS - CLOCKS_APART_MS / 1000
"""A lease counts for so long, unless the visibility timeout of its messages is extended after it began."""
Work = Callable[[], Awaitable[str]]


async def claim(deployment: Deployment, heartbeat: Heartbeat, task: Task) -> Task:
    worker_id, claim_id = await heartbeat.worker_id(), deployment.entropy.bytes(8).hex()
    result = deployment.store.claim(
        task.ref, Claim(claim_id, deployment.clock.now(), worker_id, task.fence, "message-1")
    )
    assert isinstance(result, Written)
    return result.task


async def for_ever() -> str:
    await asyncio.Event().wait()
    return ""


async def hold(
    deployment: Deployment,
    work: Work,
    points: Failpoints | None = None,
    seconds: float = 250,
    freeze: Freeze | None = None,
) -> str:
    """Work on a new task in a process of its own."""
    heartbeat = deployment.heartbeat(points, freeze)
    (delivery,) = deployment.queue.receive(visibility_seconds=LEASE_SECONDS)
    task = await claim(deployment, heartbeat, the_task(deployment))
    held = LeasedTask(delivery, task, task.deadline, partial(heartbeat.is_ours, task.held_by))
    beating = asyncio.ensure_future(heartbeat.keep_beating())
    try:
        async with heartbeat.handling(delivery), heartbeat.holding(held):
            return await held.supervise(work(), freeze or deployment.clock, seconds, StopCause.SHUTDOWN)
    finally:
        assert not heartbeat.held
        beating.cancel()


def stopped(
    deployment: Deployment,
    points: Failpoints | None = None,
    work: Work = for_ever,
    freeze: Freeze | None = None,
) -> tuple[StopCause, float]:
    """Why work on a new task stopped, and after how many seconds."""
    deployment.submit()
    started = deployment.clock.now()
    with pytest.raises(Stopped) as stop:
        deployment.clock.run(hold(deployment, work, points, freeze=freeze))
    return stop.value.why, (deployment.clock.now() - started) / 1000


def done(deployment: Deployment, work: Work, points: Failpoints | None = None) -> str:
    deployment.submit()
    return deployment.clock.run(hold(deployment, work, points))


def the_task(deployment: Deployment) -> Task:
    (task,) = deployment.store.tasks.values()
    return task


def the_lease(deployment: Deployment) -> Lease:
    (row,) = deployment.workers.rows.values()
    return row.lease


def working(deployment: Deployment, seconds: float) -> Work:
    async def work() -> str:
        await deployment.clock.sleep(seconds)
        return "done"

    return work


def down(*ports: str) -> Failpoints:
    points = Failpoints()
    for port in ports:
        points.down(port, StoreUnavailable("down"))
    return points


def test_work_that_ends_is_returned_and_the_lease_was_renewed_for_it(deployment: Deployment) -> None:
    start = deployment.clock.now()
    assert done(deployment, working(deployment, 100)) == "done"
    renewed = [lease.until - start - LEASE_SECONDS * 1000 for lease in deployment.workers.renewals]
    assert renewed == [round(n * BEAT_SECONDS * 1000) for n in range(1, 23)]
    assert [change.method for change in deployment.store.changes] == ["create", "claim"], "only the lease"


def test_a_lease_names_what_its_worker_has_in_hand_and_when_it_is_to_be_looked_for(
    deployment: Deployment,
) -> None:
    start = deployment.clock.now()
    done(deployment, working(deployment, 200))
    renewals = deployment.workers.renewals
    assert all(lease.tasks == {the_task(deployment).ref} for lease in renewals)
    assert sorted({lease.due_at for lease in renewals if lease.due_at}) == [
        start + round(at * 1000) + DUE_MS for at in (4.4, 66, 127.6, 189.2)
    ], "an index is written once a minute"


def test_a_short_task_costs_one_write_of_the_lease(deployment: Deployment) -> None:
    points = Failpoints()
    done(deployment, working(deployment, 4), points)
    assert [name for name in points.calls if name.startswith("workers")] == ["workers.open"]
    assert the_lease(deployment).due_at is None, "and none of an index"


def test_the_message_stays_invisible_as_long_as_the_lease_lives(deployment: Deployment) -> None:
    invisible: list[bool] = []

    async def work() -> str:
        for _ in range(100):
            await deployment.clock.sleep(2)
            (message,) = deployment.queue.messages
            invisible.append(message.visible_at == the_lease(deployment).until)
        return "done"

    done(deployment, work)
    assert all(invisible)


def test_an_error_of_the_work_is_raised(deployment: Deployment) -> None:
    async def work() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        done(deployment, work)


class TestNotes:
    def test_a_cancel_stops_the_work_within_one_beat(self, deployment: Deployment) -> None:
        def cancel() -> None:
            deployment.tasks().cancel("demo", "writer", the_task(deployment).ref.task_id)

        deployment.clock.later(BEAT_SECONDS + 1, cancel)
        assert stopped(deployment) == (StopCause.ENDED, 2 * BEAT_SECONDS)

    def test_a_deleted_task_stops_the_work(self, deployment: Deployment) -> None:
        def delete() -> None:
            ref, held_by = the_task(deployment).ref, the_task(deployment).held_by
            deployment.store.tasks.clear()
            deployment.workers.note(held_by or "", ref.task_id)

        deployment.clock.later(1, delete)
        assert stopped(deployment) == (StopCause.ENDED, BEAT_SECONDS)

    def test_whoever_watches_is_seen_within_one_beat(self, deployment: Deployment) -> None:
        task = deployment.submit()
        watched_at: list[float] = []

        async def work(held: LeasedTask) -> str:
            await held.watched.wait()
            watched_at.append(deployment.clock.now() - task.created_at)
            return "done"

        async def all_of_it() -> None:
            heartbeat = deployment.heartbeat()
            (delivery,) = deployment.queue.receive()
            claimed = await claim(deployment, heartbeat, task)
            held = LeasedTask(delivery, claimed, task.deadline, partial(heartbeat.is_ours, claimed.held_by))
            beating = asyncio.ensure_future(heartbeat.keep_beating())
            async with heartbeat.handling(delivery), heartbeat.holding(held):
                await held.supervise(work(held), deployment.clock, 100, StopCause.SHUTDOWN)
            beating.cancel()

        def watch() -> None:
            watched = deployment.store.enable_live(task.ref)
            assert isinstance(watched, Written)
            assert deployment.holders().notify(watched.task)

        deployment.clock.later(1, watch)
        deployment.clock.run(all_of_it())
        assert watched_at == [BEAT_SECONDS * 1000]

    def test_more_notes_than_fit_make_it_look_at_everything(self, deployment: Deployment) -> None:
        def cancel() -> None:
            task = the_task(deployment)
            for n in range(10_000):
                deployment.workers.note(task.held_by or "", f"other-{n}")
            deployment.tasks().cancel("demo", "writer", task.ref.task_id)
            (row,) = deployment.workers.rows.values()
            assert (len(row.notes.task_ids), row.notes.everything) == (MOST_NOTES, True)

        deployment.clock.later(1, cancel)
        assert stopped(deployment) == (StopCause.ENDED, BEAT_SECONDS)

    def test_a_renewal_whose_answer_is_lost_loses_no_note(self, deployment: Deployment) -> None:
        def cancel() -> None:
            deployment.tasks().cancel("demo", "writer", the_task(deployment).ref.task_id)

        points = Failpoints()
        points.fail("workers.renew", StoreUnavailable("answer lost"), after=True)
        deployment.clock.later(1, cancel)
        assert stopped(deployment, points) == (StopCause.ENDED, BEAT_SECONDS + 0.25)

    def test_a_task_that_could_not_be_looked_at_is_looked_at_again(self, deployment: Deployment) -> None:
        points = Failpoints()
        points.fail("store.get", StoreUnavailable("down"))
        cancel = deployment.tasks().cancel
        deployment.clock.later(1, lambda: cancel("demo", "writer", the_task(deployment).ref.task_id))
        assert stopped(deployment, points) == (StopCause.ENDED, 2 * BEAT_SECONDS)

    def test_a_note_in_the_moment_of_the_claim_is_not_lost(self, deployment: Deployment) -> None:
        """The renewal takes it before the process knows that the task is its own."""
        task = deployment.submit()

        async def all_of_it() -> StopCause:
            heartbeat = deployment.heartbeat()
            (delivery,) = deployment.queue.receive()
            beating = asyncio.ensure_future(heartbeat.keep_beating())
            async with heartbeat.handling(delivery):
                claimed = await claim(deployment, heartbeat, task)
                deployment.tasks().cancel("demo", "writer", task.ref.task_id)
                await deployment.clock.sleep(BEAT_SECONDS + 1)
                held = LeasedTask(
                    delivery, claimed, task.deadline, partial(heartbeat.is_ours, claimed.held_by)
                )
                async with heartbeat.holding(held):
                    stop = await held.stop
            beating.cancel()
            return stop

        assert deployment.clock.run(all_of_it()) is StopCause.ENDED
        assert deployment.clock.now() == task.created_at + 2 * BEAT_SECONDS * 1000

    def test_a_cancel_that_could_not_be_told_holds_all_the_same(self, deployment: Deployment) -> None:
        task = deployment.submit()
        points = down("workers.note")

        def cancel() -> None:
            deployment.tasks(points).cancel("demo", "writer", task.ref.task_id)

        deployment.clock.later(1, cancel)
        with pytest.raises(Stopped):
            deployment.clock.run(hold(deployment, for_ever))
        assert the_task(deployment).status is Status.CANCELED
        assert deployment.telemetry.names() == ["slot not freed"]


class TestLoss:
    def test_another_workers_claim_stops_the_work_as_lost(self, deployment: Deployment) -> None:
        def overtake() -> None:
            task, now = the_task(deployment), deployment.clock.now()
            deployment.store.release(task.ref, task.fence, Release(now, now, task.deadline, task.spent))
            deployment.store.claim(task.ref, Claim("other", now, "other", task.fence))
            deployment.workers.note(task.held_by or "", task.ref.task_id)

        deployment.clock.later(1, overtake)
        assert stopped(deployment) == (StopCause.LOST, BEAT_SECONDS)
        assert the_task(deployment).fence == 2

    def test_a_broken_lease_stops_everything_at_once(self, deployment: Deployment) -> None:
        deployment.clock.later(1, lambda: deployment.workers.break_lease(the_lease(deployment)))
        assert stopped(deployment) == (StopCause.LOST, BEAT_SECONDS)

    def test_a_short_outage_is_tolerated(self, deployment: Deployment) -> None:
        points = Failpoints()
        points.fail("workers.renew", StoreUnavailable("down"))
        assert done(deployment, working(deployment, 6), points) == "done"
        assert deployment.telemetry.names() == ["lease not renewed"]
        assert len(deployment.workers.renewals) == 1

    def test_an_outage_stops_the_work_before_another_worker_may_claim(self, deployment: Deployment) -> None:
        why, seconds = stopped(deployment, down("workers.renew"))
        assert why is StopCause.LOST
        assert FIRST_DOUBT_SECONDS <= seconds < FIRST_DOUBT_SECONDS + 0.25
        lease = the_lease(deployment)
        assert deployment.clock.now() + CLOCKS_APART_MS <= lease.until + 250, "whoever's clock is ahead"

    def test_a_lease_counts_to_its_end_once_the_messages_are_invisible_for_as_long(
        self, deployment: Deployment
    ) -> None:
        points = Failpoints()
        deployment.clock.later(5, lambda: points.down("workers", StoreUnavailable("down")))
        why, seconds = stopped(deployment, points)
        assert why is StopCause.LOST
        assert BEAT_SECONDS + LEASE_SECONDS <= seconds < BEAT_SECONDS + LEASE_SECONDS + 0.25

    def test_an_outage_of_the_queue_does_not_stop_the_work(self, deployment: Deployment) -> None:
        points = Failpoints()
        points.down("queue", QueueUnavailable("down"))
        assert stopped(deployment, points) == (StopCause.SHUTDOWN, 250)
        assert set(deployment.telemetry.names()) == {"visibility timeout not changed"}
        assert the_task(deployment).status is Status.RUNNING

    def test_a_beat_that_fails_in_an_unforeseen_way_does_not_stop_the_heart(
        self, deployment: Deployment
    ) -> None:
        points = Failpoints()
        points.fail("workers.renew", ValueError("cannot read the answer"))
        assert stopped(deployment, points) == (StopCause.SHUTDOWN, 250)
        assert points.calls["workers.renew"] == 250 // BEAT_SECONDS + 1

    def test_a_process_that_stood_still_goes_on_only_if_nobody_took_over(
        self, deployment: Deployment
    ) -> None:
        freeze = Freeze(deployment.clock, 5, 60)
        deployment.clock.later(30, lambda: deployment.workers.break_lease(the_lease(deployment)))
        assert stopped(deployment, freeze=freeze) == (StopCause.LOST, 65)

    def test_what_was_bought_is_saved_if_nobody_took_over(self, deployment: Deployment) -> None:
        """The lease is long over by its own clock, but the store says that it is still this process's."""
        points = Failpoints()
        deployment.clock.later(5, lambda: points.down("workers", StoreUnavailable("down")))
        deployment.clock.later(17, lambda: points.up("workers"))
        saved = asyncio.run(self._save(deployment, points, after=10))
        assert saved
        assert the_lease(deployment).until > deployment.clock.now()

    def test_what_was_bought_is_not_saved_if_somebody_did(self, deployment: Deployment) -> None:
        points = Failpoints()
        deployment.clock.later(5, lambda: points.down("workers", StoreUnavailable("down")))
        deployment.clock.later(16, lambda: deployment.workers.break_lease(the_lease(deployment)))
        deployment.clock.later(17, lambda: points.up("workers"))
        assert not asyncio.run(self._save(deployment, points, after=10))

    async def _save(self, deployment: Deployment, points: Failpoints, after: float) -> bool:
        """Whether work may save, in a block that what stops it waits for, as late as that."""
        deployment.submit()
        heartbeat, saved = deployment.heartbeat(points), False
        (delivery,) = deployment.queue.receive()
        task = await claim(deployment, heartbeat, the_task(deployment))
        held = LeasedTask(delivery, task, task.deadline, partial(heartbeat.is_ours, task.held_by))

        async def work() -> None:
            nonlocal saved
            await deployment.clock.sleep(after)
            async with held.saving():
                await deployment.clock.sleep(4)
                saved = await held.is_ours()

        async def all_of_it() -> None:
            beating = asyncio.ensure_future(heartbeat.keep_beating())
            async with heartbeat.handling(delivery), heartbeat.holding(held):
                await held.supervise(work(), deployment.clock, 100, StopCause.SHUTDOWN)
            beating.cancel()

        with suppress(Stopped):
            await deployment.clock.drive(all_of_it())
        assert held.stop.result() is StopCause.LOST
        return saved

    def test_nothing_waits_for_ever_for_a_store_that_does_not_answer(self, deployment: Deployment) -> None:
        started, points = deployment.clock.now(), down("workers.renew")
        assert not asyncio.run(self._save(deployment, points, after=5))
        waited = (deployment.clock.now() - started) / 1000
        assert waited < FIRST_DOUBT_SECONDS + 0.25 + SAVING_SECONDS


class TestIds:
    def test_a_process_keeps_its_id_while_its_lease_lives(self, deployment: Deployment) -> None:
        async def twice(pause: float) -> tuple[str, str]:
            heartbeat = deployment.heartbeat()
            first = await heartbeat.worker_id()
            await deployment.clock.sleep(pause)
            return first, await heartbeat.worker_id()

        first, second = deployment.clock.run(twice(4))
        assert (first == second, len(deployment.workers.renewals)) == (True, 0)
        first, second = deployment.clock.run(twice(5.5))
        assert (first == second, len(deployment.workers.renewals)) == (True, 1), "with time for a claim"
        first, second = deployment.clock.run(twice(60))
        assert (first == second, len(deployment.workers.renewals)) == (False, 1), "it was stopped"

    def test_what_it_disowns_is_anybodys_with_the_next_beat(self, deployment: Deployment) -> None:
        task = deployment.submit()

        async def lose_an_answer() -> Task:
            heartbeat = deployment.heartbeat()
            beating = asyncio.ensure_future(heartbeat.keep_beating())
            claimed = await claim(deployment, heartbeat, task)
            heartbeat.disown(claimed.held_by, claimed.claim_id or "")
            await deployment.clock.sleep(20)
            beating.cancel()
            return claimed

        claimed = deployment.clock.run(lose_an_answer())
        assert the_lease(deployment).until > deployment.clock.now()
        assert deployment.holders().take(claimed) is None
        assert not the_lease(deployment).is_broken, "its worker goes on with all the rest"
        assert deployment.holders().lease(claimed) is None

    def test_a_process_that_disowned_something_takes_another_id_when_it_comes_back(
        self, deployment: Deployment
    ) -> None:
        async def rest() -> tuple[str, str]:
            heartbeat = deployment.heartbeat()
            first = await heartbeat.worker_id()
            heartbeat.disown(first, "a claim without an answer")
            heartbeat.go_idle()
            return first, await heartbeat.worker_id()

        first, second = deployment.clock.run(rest())
        assert first != second

    def test_too_much_disowned_gives_up_the_lease(self, deployment: Deployment) -> None:
        async def lose_many() -> tuple[str, str]:
            heartbeat = deployment.heartbeat()
            first = await heartbeat.worker_id()
            for n in range(MOST_DISOWNED + 1):
                heartbeat.disown(first, f"claim-{n}")
            return first, await heartbeat.worker_id()

        first, second = deployment.clock.run(lose_many())
        assert first != second

    def test_without_the_store_there_is_none(self, deployment: Deployment) -> None:
        with pytest.raises(StoreUnavailable):
            deployment.clock.run(deployment.heartbeat(down("workers")).worker_id())

    @pytest.mark.parametrize("lost", [False, True])
    def test_a_lease_that_could_not_be_begun_is_begun_anew(self, deployment: Deployment, lost: bool) -> None:
        """All tasks of the invocation wait for it. What may have been begun is left to run out."""
        points = Failpoints()
        for call in (1, 2):
            points.fail("workers.open", StoreUnavailable("down"), call=call, after=lost)
        worker_id = deployment.clock.run(deployment.heartbeat(points).worker_id())
        assert worker_id in deployment.workers.rows
        assert len(deployment.workers.rows) == (3 if lost else 1)


class TestTakingOver:
    def held(self, deployment: Deployment) -> Task:
        deployment.submit()

        async def claimed() -> Task:
            return await claim(deployment, deployment.heartbeat(), the_task(deployment))

        return deployment.clock.run(claimed())

    @pytest.mark.parametrize(
        ("message_id", "after"),
        [("message-1", LEASE_SECONDS), ("a copy", LEASE_SECONDS + 2), (None, LEASE_SECONDS + 2)],
    )
    def test_a_dead_workers_task_is_taken_when_its_lease_is_over(
        self, deployment: Deployment, message_id: str | None, after: float
    ) -> None:
        task = self.held(deployment)
        deployment.clock.advance(after - 0.001)
        assert deployment.holders().take(task, message_id) == deployment.clock.now() + 1
        assert not the_lease(deployment).is_broken
        deployment.clock.advance(0.001)
        assert deployment.holders().take(task, message_id) is None
        assert the_lease(deployment).is_broken
        assert deployment.workers.renew(replace(the_lease(deployment), until=2**60)) is None

    def test_a_slow_renewal_is_not_raced(self, deployment: Deployment) -> None:
        """It takes effect between the taker's look and its break."""
        task = self.held(deployment)
        deployment.clock.advance(LEASE_SECONDS)
        lease, points = the_lease(deployment), Failpoints()
        points.before(
            "workers.break_lease",
            lambda: deployment.workers.renew(replace(lease, until=lease.until + LEASE_SECONDS * 1000)),
        )
        assert deployment.holders(points).take(task, "message-1") == deployment.clock.now()
        assert not the_lease(deployment).is_broken

    def test_a_break_whose_answer_is_lost_can_be_made_again(self, deployment: Deployment) -> None:
        task = self.held(deployment)
        deployment.clock.advance(LEASE_SECONDS)
        points = Failpoints()
        points.fail("workers.break_lease", StoreUnavailable("answer lost"), after=True)
        with pytest.raises(StoreUnavailable):
            deployment.holders(points).take(task, "message-1")
        assert deployment.holders().take(task, "message-1") is None

    def test_a_worker_that_is_not_known_holds_nothing(self, deployment: Deployment) -> None:
        task = replace(self.held(deployment), held_by="long gone")
        assert deployment.holders().take(task) is None
        assert deployment.holders().lease(task) is None
        assert not deployment.holders().notify(task)


def test_the_first_reason_to_stop_counts(deployment: Deployment) -> None:
    async def both() -> StopCause:
        heartbeat = deployment.heartbeat()
        held = LeasedTask(deployment.queue.receive()[0], task, task.deadline, partial(heartbeat.is_ours, "w"))
        held.interrupt(StopCause.ENDED)
        held.interrupt(StopCause.DEADLINE)
        return await held.stop

    task = deployment.submit()
    assert deployment.clock.run(both()) is StopCause.ENDED


def test_stopped_work_has_ended_when_that_is_known(deployment: Deployment) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await deployment.clock.sleep(3)
            cleaned_up.append(deployment.clock.now())
        return ""

    cleaned_up: list[int] = []
    assert stopped(deployment, work=stubborn) == (StopCause.SHUTDOWN, 253)
    assert cleaned_up == [deployment.clock.now()]
