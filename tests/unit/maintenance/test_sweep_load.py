"""Sweeps of more than one process can do, at what a call costs: nothing due is late, whoever has most."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.ids import SHARDS, shard
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.schedule import DISPATCH_GRACE_MS, LONG_BACKLOG, LONG_WAIT_MS
from a2a_tasks.domain.task import Priority, Slot, Status, Task, TaskRef
from a2a_tasks.maintenance.shard_sweep import PAGE
from a2a_tasks.maintenance.sweep_report import SweepReport
from a2a_tasks.ports.errors import StoreUnavailable
from tests.twins.deployment import Deployment, agent, plenty
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.stores.tasks import MemoryTaskStore

pytestmark = pytest.mark.slow

CALLS_A_SECOND = 250
"""Of one process of Python on one processor, in as many threads as it likes."""
SECONDS = 50
"""What the function's timeout leaves for looks."""
SCALE = 5
"""Where it says so everything is smaller by that: the tasks and the time."""
MINUTE = 60
DAY_MS = 24 * 3_600_000


class Process:
    """One invocation: it has its own time, which its calls use up."""

    def __init__(self, most_seconds: float = SECONDS) -> None:
        self.points = Failpoints()
        self.most_seconds = most_seconds

    @property
    def seconds(self) -> float:
        return self.points.calls.total() / CALLS_A_SECOND

    def has_time(self) -> bool:
        return self.seconds < self.most_seconds


def a_minute(deployment: Deployment, scale: int = 1) -> tuple[list[SweepReport], float]:
    """What a sweep and its helpers do, and how long they take one after the other."""
    first = Process(SECONDS / scale)
    reports = [deployment.sweeper(first.points).sweep(first.has_time)]
    called, deployment.helpers.called = deployment.helpers.called, []
    longest = 0.0
    for number in called:
        helper = Process(SECONDS / scale)
        reports.append(deployment.sweeper(helper.points).sweep_shard(number, helper.has_time))
        longest = max(longest, helper.seconds)
    return reports, first.seconds + longest


def tasks_of_many(
    deployment: Deployment, count: int, agents: int = 4, queue_timeout_ms: int | None = None
) -> list[Task]:
    """Copies of one task, in the store alone."""
    tasks = []
    for number in range(agents):
        deployment.registry.apply(agent(f"agent-{number}", max_concurrent_tasks=500))
        tasks.append(deployment.submit(agent_id=f"agent-{number}", queue_timeout_ms=queue_timeout_ms))
    deployment.queue.messages.clear()
    made = []
    for number in range(count):
        like = tasks[number % agents]
        task_id = f"{like.ref.task_id[:-8]}{number:08x}"
        task = replace(like, ref=replace(like.ref, task_id=task_id))
        deployment.store.tasks[task.ref] = task
        made.append(task)
    for task in tasks:
        del deployment.store.tasks[task.ref]
    return made


def running(deployment: Deployment, tasks: list[Task]) -> None:
    """They are held by workers with living leases, ten each."""
    now = deployment.clock.now()
    for n in range(0, len(tasks), 10):
        some, worker_id = tasks[n : n + 10], f"worker-{n}"
        refs = frozenset(task.ref for task in some)
        deployment.workers.open(Lease(worker_id, now + 10**9, refs, due_at=now + 10**9))
        for task in some:
            deployment.store.tasks[task.ref] = replace(
                task, status=Status.RUNNING, held_by=worker_id, fence=1, attempt=1
            )


def left_live(deployment: Deployment) -> Counter[int]:
    live = [task for task in deployment.store.tasks.values() if not task.is_terminal]
    return Counter(shard(task.ref.task_id) for task in live)


def test_running_tasks_keep_no_shard_from_its_deadlines(deployment: Deployment) -> None:
    """10,000 of them, on a scale: each is looked at once, and then left to its worker's lease."""
    tasks = tasks_of_many(deployment, 10_000 // SCALE)
    running(deployment, tasks)
    deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
    reports, seconds = a_minute(deployment, SCALE)
    assert seconds < MINUTE / SCALE
    assert sum(report.postponed for report in reports) == len(tasks)
    assert {task.due_at for task in deployment.store.tasks.values()} == {tasks[0].deadline}
    assert a_minute(deployment, SCALE)[0] == [SweepReport()]


def test_all_that_is_due_at_one_moment_ends_in_one_minute(deployment: Deployment) -> None:
    """Of 100,000 each helper has 3,125, and what one task takes here lets it do them."""
    tasks = tasks_of_many(deployment, 4_000, queue_timeout_ms=300_000)
    deployment.clock.advance(300)
    reports, seconds = a_minute(deployment)
    assert left_live(deployment) == Counter()
    assert sum(report.timed_out for report in reports) == len(tasks)
    a_task = seconds / (len(tasks) / SHARDS)
    assert a_task * 100_000 / SHARDS < SECONDS


def waiting(
    deployment: Deployment, count: int, backlog: int, priority: Priority = Priority.NORMAL
) -> list[Task]:
    """Tasks with a day's time, whose messages may be among those in their queue."""
    for task in tasks_of_many(deployment, count):
        changed = replace(task, deadline=task.created_at + DAY_MS, priority=priority)
        deployment.store.tasks[task.ref] = changed
    fill(deployment, backlog, is_urgent=priority is Priority.HIGH)
    return list(deployment.store.tasks.values())


def fill(deployment: Deployment, backlog: int, *, is_urgent: bool = False) -> None:
    for _ in range(backlog):
        deployment.queue.put(None).is_urgent = is_urgent


def copies_of_each_minute(deployment: Deployment, minutes: int) -> list[int]:
    copies: list[int] = []
    for _ in range(minutes):
        deployment.clock.advance(MINUTE)
        copies.append(sum(report.resent for report in a_minute(deployment)[0]))
    return copies


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.HIGH])
def test_a_long_queue_is_not_made_longer_by_copies(deployment: Deployment, priority: Priority) -> None:
    """Only once they have waited for long, then ever less often, and not all at the same moment."""
    tasks = waiting(deployment, 2_000, LONG_BACKLOG, priority)
    copies = copies_of_each_minute(deployment, 60)
    early, late = copies[: LONG_WAIT_MS // 60_000 - 1], copies[len(copies) // 2 :]
    assert sum(early) == 0
    assert len(tasks) < sum(copies) <= 4 * len(tasks)
    assert sum(late) <= 2 * len(tasks)
    assert max(copies) < len(tasks) / 2


def test_in_a_short_queue_a_lost_message_is_made_up_for_at_once(deployment: Deployment) -> None:
    tasks = waiting(deployment, LONG_BACKLOG // 2, LONG_BACKLOG // 4)
    assert copies_of_each_minute(deployment, 1) == [len(tasks)]


def test_behind_a_long_queue_a_task_with_little_time_is_sent_again_earlier(deployment: Deployment) -> None:
    tasks_of_many(deployment, 10, queue_timeout_ms=300_000)
    fill(deployment, LONG_BACKLOG)
    assert copies_of_each_minute(deployment, 3) == [0, 0, 10], "after a quarter of five minutes"


def test_behind_new_tasks_the_message_of_one_that_goes_on_is_made_up_for_at_once(
    deployment: Deployment,
) -> None:
    tasks = waiting(deployment, 20, LONG_BACKLOG)
    for number, task in enumerate(tasks):
        goes_on = {"started_at": task.created_at} if number % 2 else {"slot": Slot(0, task.fence, 0)}
        deployment.store.tasks[task.ref] = replace(task, **goes_on)
    assert copies_of_each_minute(deployment, 1) == [20]
    assert deployment.queue.waiting(is_urgent=True) == 20


def test_behind_a_long_urgent_queue_the_time_that_is_left_counts(deployment: Deployment) -> None:
    """A task that was given back has not the time that it has waited or run before."""
    for task in waiting(deployment, 10, LONG_BACKLOG, Priority.HIGH):
        since = deployment.clock.now()
        deployment.store.tasks[task.ref] = replace(
            task, created_at=since - DAY_MS, started_at=since, updated_at=since, deadline=since + 300_000
        )
    assert copies_of_each_minute(deployment, 3) == [0, 0, 10], "after a quarter of five minutes"


def test_the_length_of_the_queue_is_asked_for_once_in_a_sweep(deployment: Deployment) -> None:
    waiting(deployment, 200, LONG_BACKLOG)
    deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
    points = Failpoints()
    assert deployment.sweep(points).postponed == 200
    assert points.calls["queue.waiting"] == 1


class TestHelpers:
    """A shard with a page or more has a process of its own."""

    def crowded(self, deployment: Deployment, number: int, count: int = 2 * PAGE) -> list[Task]:
        """So many undispatched tasks in one shard."""
        made = tasks_of_many(deployment, count * SHARDS * 3, agents=1)
        chosen = [task for task in made if shard(task.ref.task_id) == number][:count]
        deployment.store.tasks = {task.ref: task for task in chosen}
        deployment.clock.advance(DISPATCH_GRACE_MS / 1000)
        return chosen

    def sent(self, deployment: Deployment) -> list[TaskRef | None]:
        return [message.ref for message in deployment.queue.messages]

    def test_it_is_called_for_and_does_all_of_it(self, deployment: Deployment) -> None:
        tasks = self.crowded(deployment, 3)
        assert deployment.sweep() == SweepReport(handed_over=[3])
        assert self.sent(deployment) == []
        assert deployment.help_out() == [SweepReport(looked_at=len(tasks), resent=len(tasks))]
        assert sorted(map(str, self.sent(deployment))) == sorted(str(task.ref) for task in tasks)
        assert deployment.shard_leases.rows == {}

    def test_without_any_it_is_done_here(self, deployment: Deployment) -> None:
        tasks = self.crowded(deployment, 3)
        deployment.helpers.refuses = True
        assert deployment.sweep().resent == len(tasks)

    def test_two_of_them_do_not_work_on_the_same_shard(self, deployment: Deployment) -> None:
        tasks = self.crowded(deployment, 3)
        points = Failpoints()
        second: list[SweepReport] = []

        def another() -> None:
            second.append(deployment.sweeper().sweep_shard(3, plenty))

        points.before("store.reschedule", another)
        assert deployment.sweeper(points).sweep_shard(3, plenty).resent == len(tasks)
        assert second == [SweepReport()]

    def test_one_that_dies_is_replaced_within_a_minute(self, deployment: Deployment) -> None:
        tasks = self.crowded(deployment, 3)
        points = Failpoints()
        points.fail("queue.send", Crash("in the middle"), call=10)
        with pytest.raises(Crash):
            deployment.sweeper(points).sweep_shard(3, plenty)
        assert list(deployment.shard_leases.rows) == [3]
        deployment.clock.advance(MINUTE)
        deployment.sweep()
        deployment.help_out()
        assert {*self.sent(deployment)} == {task.ref for task in tasks}

    def test_one_that_is_lost_leaves_nothing(self, deployment: Deployment) -> None:
        tasks = self.crowded(deployment, 3)
        deployment.sweep()
        deployment.helpers.called.clear()
        deployment.clock.advance(MINUTE)
        assert deployment.sweep().handed_over == [3]
        (report,) = deployment.help_out()
        assert report.resent == len(tasks)

    def test_one_whose_lease_is_taken_over_stops(self, deployment: Deployment) -> None:
        tasks = self.crowded(deployment, 3, 3 * PAGE)
        points = Failpoints()

        def take_over() -> None:
            deployment.shard_leases.rows[3] = ("another", deployment.clock.now() + 20_000)

        points.before("leases.take", take_over, call=2)
        assert deployment.sweeper(points).sweep_shard(3, plenty).resent == PAGE < len(tasks)
        assert deployment.shard_leases.rows[3][0] == "another"

    def test_what_cannot_be_settled_keeps_nobody_from_what_comes_after(self, deployment: Deployment) -> None:
        """More bad tasks than a page, the longest due."""
        tasks = self.crowded(deployment, 3, 2 * PAGE)
        first = [due.ref for due in deployment.store.due(3, 2**60, PAGE + 10)]
        points = Failpoints()
        bad = _Bad(points.wrap("store", deployment.store), first)
        sweeper = deployment.sweeper(points)
        sweeper = replace(sweeper, store=bad, due_tasks=replace(sweeper.due_tasks, store=bad))
        report = sweeper.sweep_shard(3, plenty)
        assert (report.errors, report.resent) == (len(first), len(tasks) - len(first))
        assert {*self.sent(deployment)} == {task.ref for task in tasks} - {*first}


class _Bad:
    """A store with items that nobody can read."""

    def __init__(self, store: MemoryTaskStore, refs: list[TaskRef]) -> None:
        self._store, self._refs = store, refs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, ref: TaskRef) -> Task | None:
        if ref in self._refs:
            raise KeyError("not an attribute that this release writes")
        return self._store.get(ref)

    def get_all(self, refs: Sequence[TaskRef]) -> list[Task]:
        return [task for ref in refs if (task := self.get(ref))]


class TestOldestDue:
    def test_it_is_told_by_every_sweep(self, deployment: Deployment) -> None:
        deployment.submit()
        deployment.sweep()
        deployment.clock.advance(DISPATCH_GRACE_MS / 1000 + 90)
        deployment.sweep()
        deployment.sweep()
        assert deployment.telemetry.durations["OldestDueSeconds"] == [0, 90, 0]

    def test_what_nobody_could_see_is_not_told(self, deployment: Deployment) -> None:
        points = Failpoints()
        points.down("store.due", StoreUnavailable("down"))
        report = deployment.sweep(points)
        assert report.unfinished_shards == list(range(SHARDS))
        assert "OldestDueSeconds" not in deployment.telemetry.durations
        assert deployment.telemetry.counts["SweepUnfinished"] == SHARDS
