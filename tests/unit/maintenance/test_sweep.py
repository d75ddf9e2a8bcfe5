"""The sweeper: finds what was lost, does it once, and is stopped by nothing but the end of its time."""

from collections import Counter
from dataclasses import replace

import pytest

from a2a_tasks.concurrency.slots import WATCH_EVERY_MS
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.ids import SHARDS, shard
from a2a_tasks.domain.lease import CLOCKS_APART_MS, Lease
from a2a_tasks.domain.schedule import CHILD_CHECK_MS, DISPATCH_GRACE_MS, SWEEP_AHEAD_MS
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.execution.process.heartbeat import DUE_MS
from a2a_tasks.maintenance.shard_sweep import PAGE
from a2a_tasks.maintenance.sweep_report import SweepReport
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.tasks import Claim, DueEntry, Written
from tests.twins.deployment import LEASE_SECONDS, MAX_ATTEMPTS, MAX_WAIT_MS, Deployment, agent, plenty
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import hang, uses
from tests.twins.stores.tasks import MemoryTaskStore

GRACE_SECONDS = DISPATCH_GRACE_MS / 1000
DAY_MS = 24 * 3_600_000


def beat(deployment: Deployment, task: Task) -> Lease:
    """What the task's worker does every few seconds."""
    now = deployment.clock.now()
    lease = Lease(task.held_by or "", now + LEASE_SECONDS * 1000, frozenset({task.ref}), due_at=now + DUE_MS)
    assert deployment.workers.renew(lease) is not None
    return lease


def lose_worker(deployment: Deployment, task: Task, times: int = 1) -> Task:
    """Claim and die, until the sweeper may notice."""
    for _ in range(times):
        task = deployment.claim(task)
        deployment.clock.advance(LEASE_SECONDS + CLOCKS_APART_MS / 1000)
    deployment.clock.advance(GRACE_SECONDS)
    return task


def put(deployment: Deployment, task: Task, **changes: object) -> Task:
    changed: Task = replace(task, **changes)  # type: ignore[arg-type]
    deployment.store.tasks[task.ref] = changed
    return changed


def undispatched(deployment: Deployment, count: int = 1) -> list[Task]:
    tasks = [deployment.submit() for _ in range(count)]
    deployment.queue.messages.clear()
    deployment.clock.advance(GRACE_SECONDS)
    return tasks


def test_with_nothing_due_it_reads_no_task(deployment: Deployment) -> None:
    for _ in range(20):
        deployment.submit()
    points = Failpoints()
    assert deployment.sweep(points) == SweepReport()
    assert points.calls == {"store.due": SHARDS, "workers.due": 1, "slots.due_lines": 1}
    assert deployment.telemetry.counts["Sweeps"] == 1


def test_an_undispatched_task_is_sent_again_and_looked_at_later(deployment: Deployment) -> None:
    (task,) = undispatched(deployment)
    report = deployment.sweep()
    assert (report.looked_at, report.resent, report.rescued) == (1, 1, 1)
    assert [message.ref for message in deployment.queue.messages] == [task.ref]
    assert deployment.now_of(task).due_at == deployment.clock.now() + DISPATCH_GRACE_MS
    assert deployment.telemetry.counts["TasksRescued"] == 1
    assert deployment.sweep() == SweepReport()


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.INPUT_REQUIRED])
def test_a_deadline_is_settled_in_every_live_state(deployment: Deployment, status: Status) -> None:
    task = deployment.submit(queue_timeout_ms=300_000)
    if status is not Status.PENDING:
        task = put(deployment, deployment.claim(task), status=status)
    deployment.clock.advance(300)
    report = deployment.sweep()
    assert (report.looked_at, report.timed_out) == (1, 1)
    ended = deployment.now_of(task)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    code = "QUEUE_TIMEOUT" if status is Status.PENDING else "TIMEOUT"
    assert ended.failure.code == code
    assert deployment.telemetry.counts["TasksFailed", code] == 1


def test_a_living_worker_is_looked_at_once_and_then_at_the_deadline(deployment: Deployment) -> None:
    task = deployment.claim(deployment.submit())
    beat(deployment, task)
    deployment.clock.advance(GRACE_SECONDS)
    beat(deployment, task)
    points = Failpoints()
    report = deployment.sweep(points)
    assert (report.looked_at, report.postponed, report.rescued) == (1, 1, 0)
    assert deployment.now_of(task) == replace(task, due_at=task.deadline)
    finding = ("store.due", "workers.due", "slots.due_lines")
    reads = {name: count for name, count in points.calls.items() if name not in finding}
    assert reads == {"store.get_all": 1, "workers.lease": 1, "store.reschedule": 1}
    while deployment.clock.now() + LEASE_SECONDS * 1000 < task.deadline:
        deployment.clock.advance(LEASE_SECONDS)
        beat(deployment, task)
        assert deployment.sweep() == SweepReport()


def test_a_task_that_its_workers_lease_does_not_name_yet_is_looked_at_again(deployment: Deployment) -> None:
    """Were that worker to die now, nobody else would know of the task."""
    task = deployment.submit()
    deployment.clock.advance(GRACE_SECONDS)
    deployment.claim(task)
    assert deployment.sweep().postponed == 1
    assert deployment.now_of(task).due_at == deployment.clock.now() + DISPATCH_GRACE_MS


class TestDeadWorkers:
    """Their tasks' messages are gone too: swallowed by the dead-letter queue, or past their retention."""

    def dead(self, deployment: Deployment, tasks: list[Task]) -> list[Task]:
        """They were looked at while their worker lived, and are due at their deadlines."""
        now, worker_id = deployment.clock.now(), "worker"
        deployment.workers.open(Lease(worker_id, now + LEASE_SECONDS * 1000))
        claimed = []
        for task in tasks:
            claim = Claim(task.ref.task_id, now, worker_id, task.fence)
            result = deployment.store.claim(task.ref, claim)
            assert isinstance(result, Written)
            claimed.append(result.task)
        refs = frozenset(task.ref for task in tasks)
        deployment.clock.advance(GRACE_SECONDS)
        now = deployment.clock.now()
        deployment.workers.renew(Lease(worker_id, now + LEASE_SECONDS * 1000, refs, due_at=now + DUE_MS))
        assert deployment.sweep().postponed == len(tasks)
        deployment.queue.messages.clear()
        return claimed

    def test_every_task_they_had_is_announced_again(self, deployment: Deployment) -> None:
        tasks = self.dead(deployment, [deployment.submit(f"task {n}") for n in range(5)])
        deployment.tasks().cancel("demo", "writer", tasks[0].ref.task_id)
        deployment.clock.advance(DUE_MS / 1000 - 1)
        assert deployment.sweep() == SweepReport()
        deployment.clock.advance(1)
        assert deployment.sweep() == SweepReport(dead_workers=1, resent=4)
        assert {message.ref for message in deployment.queue.messages} == {task.ref for task in tasks[1:]}
        assert deployment.sweep() == SweepReport()
        assert not deployment.workers.rows
        deployment.work()
        ended = [deployment.now_of(task) for task in tasks[1:]]
        assert {(task.status, task.attempt) for task in ended} == {(Status.COMPLETED, 2)}

    def test_those_without_an_attempt_left_are_given_up(self, deployment: Deployment) -> None:
        task = put(deployment, deployment.submit(), attempt=MAX_ATTEMPTS - 1)
        self.dead(deployment, [task])
        deployment.clock.advance(DUE_MS / 1000)
        assert deployment.sweep() == SweepReport(dead_workers=1, lost=1)
        ended = deployment.now_of(task)
        assert ended.failure is not None
        assert ended.failure.code.value == "WORKER_LOST"

    def test_a_worker_that_renews_in_time_keeps_them(self, deployment: Deployment) -> None:
        (task,) = self.dead(deployment, [deployment.submit()])
        deployment.clock.advance(DUE_MS / 1000)
        points = Failpoints()
        points.before("workers.break_lease", lambda: beat(deployment, task))
        assert deployment.sweep(points) == SweepReport()
        assert deployment.now_of(task).fence == 1
        assert deployment.holders().lease(task) is not None

    @pytest.mark.parametrize(
        "point", ["workers.break_lease", "store.reschedule", "queue.send", "workers.forget"]
    )
    def test_a_sweep_that_dies_is_made_up_for_by_the_next(self, deployment: Deployment, point: str) -> None:
        tasks = self.dead(deployment, [deployment.submit(f"task {n}") for n in range(3)])
        deployment.clock.advance(DUE_MS / 1000)
        points = Failpoints()
        points.fail(point, Crash(point), call=1 if "workers" in point else 2)
        with pytest.raises(Crash):
            deployment.sweep(points)
        deployment.sweep()
        deployment.clock.advance(GRACE_SECONDS * 2)  # one may have been moved and not been sent
        deployment.sweep()
        assert {message.ref for message in deployment.queue.messages} == {task.ref for task in tasks}

    def test_a_task_of_a_worker_that_nobody_knows_ends_at_its_deadline(self, deployment: Deployment) -> None:
        """Whatever is lost: the lease, the message, and what was to be looked at."""
        (task,) = self.dead(deployment, [deployment.submit()])
        deployment.workers.rows.clear()
        deployment.clock.advance((task.deadline - deployment.clock.now()) / 1000)
        assert deployment.sweep().timed_out == 1
        assert deployment.now_of(task).status is Status.FAILED

    def test_a_thousand_of_them_are_swept_in_pages(self, deployment: Deployment) -> None:
        now = deployment.clock.now()
        for n in range(1_000):
            deployment.workers.open(Lease(f"worker-{n}", now, due_at=now))
        deployment.clock.advance(DUE_MS / 1000)
        assert deployment.sweep().dead_workers == 1_000
        assert not deployment.workers.rows


def test_a_lost_worker_is_replaced(deployment: Deployment) -> None:
    task = lose_worker(deployment, deployment.submit())
    deployment.queue.messages.clear()
    assert deployment.sweep().resent == 1
    deployment.work()
    ended = deployment.now_of(task)
    assert (ended.status, ended.attempt, ended.fence) == (Status.COMPLETED, 2, 2)


def test_after_the_last_attempt_a_lost_worker_is_the_end(deployment: Deployment) -> None:
    task = lose_worker(deployment, deployment.submit(), MAX_ATTEMPTS)
    report = deployment.sweep()
    assert (report.lost, report.rescued) == (1, 1)
    ended = deployment.now_of(task)
    assert ended.status is Status.FAILED
    assert ended.failure is not None
    assert ended.failure.code.value == "WORKER_LOST"
    assert ended.failure.message.startswith("The worker was lost 3 times")


def test_a_task_that_waits_for_its_caller_is_looked_at_at_its_deadline(deployment: Deployment) -> None:
    task = put(deployment, deployment.claim(deployment.submit()), status=Status.INPUT_REQUIRED)
    deployment.clock.advance(GRACE_SECONDS)
    assert deployment.sweep().postponed == 1
    assert deployment.now_of(task).due_at == task.deadline


def test_a_task_that_waits_for_its_retry_is_not_sent_early(deployment: Deployment) -> None:
    start = deployment.clock.now() + 60_000
    task = put(deployment, deployment.submit(), not_before=start)
    deployment.queue.messages.clear()
    deployment.clock.advance(GRACE_SECONDS)
    report = deployment.sweep()
    assert (report.postponed, report.resent) == (0, 1)
    assert deployment.now_of(task).due_at == start + DISPATCH_GRACE_MS
    (message,) = deployment.queue.messages
    assert message.visible_at == start


def test_a_start_too_far_away_for_the_queue_is_looked_at_shortly_before_it(deployment: Deployment) -> None:
    start = deployment.clock.now() + DAY_MS
    task = deployment.submit(not_before=start)
    assert not deployment.queue.messages
    deployment.clock.advance((DAY_MS - SWEEP_AHEAD_MS) / 1000 - 1)
    assert deployment.sweep() == SweepReport()
    deployment.clock.advance(1)
    assert deployment.sweep().resent == 1
    (message,) = deployment.queue.messages
    assert message.visible_at == start
    assert deployment.sweep() == SweepReport()
    deployment.clock.advance(SWEEP_AHEAD_MS / 1000)
    deployment.work()
    assert deployment.now_of(task).started_at == start


def test_a_question_without_an_answer_ends_at_its_limit(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    task = deployment.submit()
    deployment.model.then(uses(("ask_user", {"question": "Which?"})))
    deployment.work()
    asking = deployment.now_of(task)
    assert (asking.status, asking.due_at) == (Status.INPUT_REQUIRED, asking.deadline)
    deployment.clock.advance(MAX_WAIT_MS / 1000 - 1)
    assert deployment.sweep() == SweepReport()
    deployment.clock.advance(1)
    assert deployment.sweep().timed_out == 1
    ended = deployment.now_of(task)
    assert ended.failure is not None
    assert ended.failure.message == "The agent's question was not answered in time."


class TestTasksThatWaitForOthers:
    @pytest.fixture
    def parent(self, deployment: Deployment) -> Task:
        deployment.registry.apply(agent(allowed_tools=("call_agent",)))
        deployment.registry.apply(agent("helper"))
        deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
        task = deployment.submit()
        call = ("call_agent", {"agent": "helper", "message": "Help."})
        deployment.model.on("Write a report.", uses(call, call))
        deployment.work()
        assert len(deployment.now_of(task).awaits) == 2
        return task

    def test_are_left_alone_until_all_of_them_have_ended(self, deployment: Deployment, parent: Task) -> None:
        first, second = deployment.now_of(parent).awaits
        deployment.queue.messages.clear()
        deployment.tasks().cancel("demo", first.agent_id, first.task_id)
        deployment.clock.advance(CHILD_CHECK_MS / 1000)
        deployment.sweep()
        assert deployment.now_of(parent).due_at == deployment.clock.now() + CHILD_CHECK_MS
        assert {message.ref for message in deployment.queue.messages} == {second}

    @pytest.mark.parametrize("point", ["store.wake", "queue.send"])
    def test_go_on_though_the_wake_up_was_lost(
        self, deployment: Deployment, parent: Task, point: str
    ) -> None:
        points = Failpoints()
        error = QueueUnavailable("down") if point == "queue.send" else StoreUnavailable("down")
        points.fail(point, error)
        deployment.work(points)
        waiting = deployment.now_of(parent)
        assert (waiting.status, bool(waiting.awaits)) == (Status.PENDING, point == "store.wake")
        assert not deployment.queue.messages
        deployment.clock.advance(CHILD_CHECK_MS / 1000)
        assert deployment.sweep().resent == 1
        deployment.work()
        assert deployment.now_of(parent).status is Status.COMPLETED

    def test_are_woken_if_a_child_is_gone(self, deployment: Deployment, parent: Task) -> None:
        for ref in deployment.now_of(parent).awaits:
            deployment.store.delete(ref)
        deployment.queue.messages.clear()
        deployment.clock.advance(CHILD_CHECK_MS / 1000)
        assert deployment.sweep().resent == 1
        assert not deployment.now_of(parent).awaits

    def test_end_at_their_own_deadline_which_is_their_childrens_too(
        self, deployment: Deployment, parent: Task
    ) -> None:
        parent = deployment.now_of(parent)
        deployment.queue.messages.clear()
        deployment.clock.advance(300)
        deployment.sweep()
        assert set(deployment.store.finishes.values()) == {1}
        assert {task.deadline for task in deployment.store.tasks.values()} == {parent.deadline}
        assert {task.status for task in deployment.store.tasks.values()} == {Status.FAILED}


class TestTasksInLine:
    @pytest.fixture
    def waiting(self, deployment: Deployment) -> Task:
        """The second of two tasks of an agent that may run one; the first one's worker dies at its end."""
        deployment.registry.apply(agent(max_concurrent_tasks=1))
        deployment.submit("first")
        deployment.clock.advance(0.001)
        second = deployment.submit("second")
        points = Failpoints()
        points.fail("store.grant", Crash("after the end"))
        with pytest.raises(Crash):
            deployment.work(points)
        deployment.queue.messages.clear()
        assert deployment.now_of(second).status is Status.PENDING
        return second

    def test_get_the_slot_that_a_dead_worker_held(self, deployment: Deployment, waiting: Task) -> None:
        deployment.clock.advance(WATCH_EVERY_MS / 1000)
        deployment.sweep()
        assert [message.ref for message in deployment.queue.messages] == [waiting.ref]
        deployment.work()
        assert deployment.now_of(waiting).status is Status.COMPLETED

    def test_get_no_message_while_the_slot_is_used(self, deployment: Deployment) -> None:
        deployment.registry.apply(agent(max_concurrent_tasks=1))
        deployment.submit("first")
        deployment.clock.advance(0.001)
        second = deployment.submit("second")
        deployment.model.on("first", hang)
        reports: list[SweepReport] = []
        sent: list[bool] = []
        deployment.clock.later(GRACE_SECONDS, lambda: reports.append(deployment.sweep()))
        deployment.clock.later(
            GRACE_SECONDS, lambda: sent.append(second.ref in [m.ref for m in deployment.queue.messages])
        )
        deployment.work()
        assert (reports[0].postponed, reports[0].resent, sent) == (2, 0, [False])


class StaleIndex(MemoryTaskStore):
    """A store whose due index still shows an earlier moment."""

    def __init__(self, store: MemoryTaskStore) -> None:
        super().__init__()
        self.tasks, self.changes, self.finishes = store.tasks, store.changes, store.finishes
        self.entries = [due for n in range(SHARDS) for due in store.due(n, 2**60, 1_000)]

    def due(self, shard: int, now: int, limit: int, after: DueEntry | None = None) -> list[DueEntry]:  # noqa: ARG002
        return self.entries if shard == 0 else []


def test_what_the_index_still_shows_is_checked_against_the_task(deployment: Deployment) -> None:
    ended, deleted, moved = (deployment.submit() for _ in range(3))
    stale = StaleIndex(deployment.store)
    deployment.tasks().cancel("demo", "writer", ended.ref.task_id)
    deployment.store.delete(deleted.ref)
    deployment.queue.messages.clear()
    before = dict(deployment.store.tasks)
    sweeper = replace(deployment.sweeper(), store=stale)
    report = sweeper.sweep(plenty)
    assert report == SweepReport(looked_at=3)
    assert deployment.store.tasks == before
    assert not deployment.queue.messages
    assert deployment.now_of(moved).status is Status.PENDING


def test_of_two_sweeps_at_once_only_one_sends(deployment: Deployment) -> None:
    undispatched(deployment)
    points = Failpoints()
    others: list[SweepReport] = []
    points.before("store.reschedule", lambda: others.append(deployment.sweep()))
    report = deployment.sweep(points)
    assert (others[0].resent, report.resent) == (1, 0)
    assert (report.looked_at, report.errors) == (1, 0)
    assert len(deployment.queue.messages) == 1


@pytest.mark.parametrize("losses", [0, MAX_ATTEMPTS])
def test_of_two_sweeps_at_once_only_one_ends_a_task(deployment: Deployment, losses: int) -> None:
    task = lose_worker(deployment, deployment.submit(queue_timeout_ms=300_000), losses)
    if not losses:
        deployment.clock.advance(300)
    points = Failpoints()
    others: list[SweepReport] = []
    points.before("store.finish", lambda: others.append(deployment.sweep()))
    report = deployment.sweep(points)
    assert (others[0].rescued, report.rescued) == (1, 0)
    assert deployment.store.finishes[task.ref] == 1
    assert deployment.telemetry.counts["TasksFailed"] == 1


def test_a_worker_that_renews_in_time_is_not_given_up(deployment: Deployment) -> None:
    task = lose_worker(deployment, deployment.submit(), MAX_ATTEMPTS)
    points = Failpoints()
    points.before("workers.break_lease", lambda: beat(deployment, task))
    assert deployment.sweep(points).lost == 0
    assert deployment.now_of(task).status is Status.RUNNING


def test_a_worker_that_claims_while_its_task_is_sent_again_works_alone(deployment: Deployment) -> None:
    (task,) = undispatched(deployment)
    points = Failpoints()
    points.before("store.reschedule", lambda: deployment.claim(task))
    assert deployment.sweep(points).resent == 1
    assert deployment.work() == ["message-2"]
    assert not deployment.model.requests
    assert deployment.now_of(task).fence == 1


def test_a_completion_while_it_looks_leaves_nothing_to_do(deployment: Deployment) -> None:
    (task,) = undispatched(deployment)
    points = Failpoints()
    points.before("store.reschedule", lambda: deployment.tasks().cancel("demo", "writer", task.ref.task_id))
    assert deployment.sweep(points).rescued == 0
    assert not deployment.queue.messages


def test_a_crash_before_the_send_is_made_up_for_by_a_later_sweep(deployment: Deployment) -> None:
    undispatched(deployment)
    points = Failpoints()
    points.fail("queue.send", Crash("between look_again and send"))
    with pytest.raises(Crash):
        deployment.sweep(points)
    assert deployment.sweep() == SweepReport()
    deployment.clock.advance(GRACE_SECONDS)
    assert deployment.sweep().resent == 1


def test_one_broken_shard_stops_no_other(deployment: Deployment) -> None:
    tasks = undispatched(deployment, 40)
    points = Failpoints()
    points.fail("store.due", StoreUnavailable("down"), call=3)
    report = deployment.sweep(points)
    healthy = [task for task in tasks if shard(task.ref.task_id) != 2]
    assert 0 < len(healthy) < len(tasks)
    assert (report.errors, report.unfinished_shards, report.resent) == (1, [2], len(healthy))
    assert deployment.telemetry.counts["Sweeps"] == 1
    assert deployment.sweep().resent == 40 - len(healthy)


@pytest.mark.parametrize("point", ["store.reschedule", "queue.send"])
def test_one_broken_task_stops_no_other(deployment: Deployment, point: str) -> None:
    undispatched(deployment, 10)
    points = Failpoints()
    points.fail(point, QueueUnavailable("down") if point == "queue.send" else StoreUnavailable("down"))
    report = deployment.sweep(points)
    assert (report.looked_at, report.resent, report.errors) == (10, 9, 1)
    deployment.clock.advance(GRACE_SECONDS)
    deployment.sweep()
    assert {message.ref for message in deployment.queue.messages} == set(deployment.store.tasks)


def test_a_page_that_cannot_be_read_is_left_to_the_next_sweep(deployment: Deployment) -> None:
    tasks = undispatched(deployment, 20)
    points = Failpoints()
    points.fail("store.get_all", StoreUnavailable("throttled"))
    report = deployment.sweep(points)
    assert (report.errors, len(report.unfinished_shards)) == (1, 1)
    assert 0 < report.resent < len(tasks)
    assert report.resent + deployment.sweep().resent == len(tasks)


def test_a_store_that_answers_nothing_ends_the_sweep(deployment: Deployment) -> None:
    undispatched(deployment, 200)
    points = Failpoints()
    points.down("store.get_all", StoreUnavailable("down"))
    report = deployment.sweep(points)
    assert (report.errors, report.looked_at) == (SHARDS, 0)
    assert report.unfinished_shards == list(range(SHARDS))


@pytest.mark.slow
def test_shards_have_their_pages_in_turn(deployment: Deployment) -> None:
    """Where no other process can be had: the longest shard does not come before the others."""
    tasks = undispatched(deployment, 3 * SHARDS * PAGE)
    deployment.helpers.refuses = True
    points, looks = Failpoints(), len(tasks) // 2

    def has_time() -> bool:
        return points.calls["store.reschedule"] < looks

    deployment.sweeper(points).sweep(has_time)
    sent = Counter(shard(message.ref.task_id) for message in deployment.queue.messages if message.ref)
    assert sum(sent.values()) == looks
    assert len(sent) == SHARDS
    assert max(sent.values()) - min(sent.values()) <= PAGE


def test_time_running_out_names_the_shards_that_wait(deployment: Deployment) -> None:
    undispatched(deployment, 40)
    budget = iter([True] * 5)  # the first two are for dead workers and lines
    report = deployment.sweeper().sweep(lambda: next(budget, False))
    assert report.unfinished_shards[-29:] == list(range(3, SHARDS))
    assert report.errors == report.looked_at == 0
    assert deployment.sweep().resent == 40


def test_without_time_no_look_is_begun(deployment: Deployment) -> None:
    tasks = undispatched(deployment, 40)
    pages = 2 + SHARDS
    budget = iter([True] * (pages + 10))
    report = deployment.sweeper().sweep(lambda: next(budget, False))
    assert (report.looked_at, report.resent) == (10, 10)
    left = {shard(task.ref.task_id) for task in tasks if deployment.now_of(task).due_at == task.due_at}
    assert report.unfinished_shards == sorted(left)
    assert deployment.sweep().resent == 30
