"""An invocation that waits for the model anyway takes more tasks: they share its bill, and need no start."""

from functools import partial

import pytest

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.execution.process.intake import DIRECT_SECONDS, SHARE_AFTER_SECONDS
from a2a_tasks.ports.errors import QueueUnavailable
from tests.twins.deployment import LEASE_SECONDS, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import after, answer


@pytest.fixture
def sharing(deployment: Deployment) -> Deployment:
    deployment.room = 10
    return deployment


def test_what_comes_while_a_task_goes_on_is_taken_too(sharing: Deployment) -> None:
    first = sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    sharing.model.on("Second.", after(sharing.clock, 30, answer()))
    sharing.clock.later(6, lambda: sharing.submit("Second."))
    assert sharing.work() == []
    second = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
    for task in (first, second):
        assert sharing.now_of(task).status is Status.COMPLETED
    started = sharing.now_of(second).started_at or 0
    assert started - second.created_at <= max(DIRECT_SECONDS) * 1000
    assert not sharing.queue.messages


def test_a_short_task_takes_nothing_more(sharing: Deployment) -> None:
    sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, SHARE_AFTER_SECONDS / 2, answer()))
    points = Failpoints()
    sharing.work(points)
    assert points.calls["queue.receive"] == 0


def test_who_hands_a_slot_on_works_for_the_next_in_line(sharing: Deployment) -> None:
    sharing.registry.apply(agent(max_concurrent_tasks=2))
    tasks = [sharing.submit(f"Task {n}.") for n in range(7)]
    for n in range(7):
        sharing.model.on(f"Task {n}.", after(sharing.clock, 2, answer()))
    began = sharing.clock.now()
    sharing.work()
    ended = [sharing.now_of(task).completed_at for task in tasks]
    assert sorted((moment or 0) - began for moment in ended) == [
        2_000,
        2_000,
        4_000,
        4_000,
        6_000,
        6_000,
        8_000,
    ]
    assert not sharing.queue.messages


def test_what_somebody_else_took_is_not_waited_for(sharing: Deployment) -> None:
    sharing.room = 1
    sharing.registry.apply(agent(max_concurrent_tasks=1))
    for n in range(2):
        sharing.submit(f"Task {n}.")
        sharing.model.on(f"Task {n}.", after(sharing.clock, 2, answer()))
    points = Failpoints()

    def take_it() -> None:
        sharing.queue.receive(10, LEASE_SECONDS, only_urgent=True)

    points.before("queue.receive", take_it)
    sharing.work(points)
    assert points.calls["queue.receive"] == 1


def test_near_its_end_it_leaves_the_next_in_line_to_others(sharing: Deployment) -> None:
    sharing.registry.apply(agent(max_concurrent_tasks=1))
    for n in range(2):
        sharing.submit(f"Task {n}.", timeout_ms=1_800_000)
        sharing.model.on(f"Task {n}.", after(sharing.clock, 850, answer()))
    sharing.work()
    assert len(sharing.queue.receive(10, only_urgent=True)) == 1


def test_no_more_than_there_is_room_for(sharing: Deployment) -> None:
    sharing.room = 3
    peak = 0

    def watch(_: object) -> None:
        nonlocal peak
        peak = max(peak, len(sharing.model.under_way))

    sharing.model.watchers.append(watch)
    for n in range(8):
        sharing.submit(f"Task {n}.")
        sharing.model.on(f"Task {n}.", after(sharing.clock, 10, answer()))
    sharing.clock.run(sharing.invoke(sharing.queue.receive(1)))
    assert peak == 3
    assert {task.status for task in sharing.store.tasks.values()} == {Status.COMPLETED}


@pytest.mark.parametrize(("left", "is_taken"), [(70, True), (55, False)])
def test_it_takes_more_until_a_minute_before_its_end(sharing: Deployment, left: int, is_taken: bool) -> None:
    sharing.submit("First.", timeout_ms=1_800_000)
    sharing.model.on("First.", after(sharing.clock, 850, answer()))
    sharing.clock.later(900 - left, lambda: sharing.submit("Late."))
    sharing.work()
    late = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
    assert late.status is (Status.COMPLETED if is_taken else Status.PENDING)


def test_with_a_short_life_it_takes_more_in_the_first_half(sharing: Deployment) -> None:
    sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 90, answer()))
    for seconds in (50, 65):
        sharing.clock.later(seconds, partial(sharing.submit, f"After {seconds} s."))
    sharing.work(seconds=120)
    states = [task.status for task in sorted(sharing.store.tasks.values(), key=lambda task: task.created_at)]
    assert states == [Status.COMPLETED, Status.COMPLETED, Status.PENDING]


def test_a_full_invocation_takes_the_next_as_soon_as_one_is_done(sharing: Deployment) -> None:
    sharing.registry.apply(agent(max_concurrent_tasks=20))
    for n in range(10):
        sharing.submit(f"Task {n}.")
        sharing.model.on(f"Task {n}.", after(sharing.clock, 1 if n == 0 else 4, answer()))
    eleventh = sharing.submit("Eleventh.")
    sharing.clock.run(sharing.invoke(sharing.queue.receive(10)))
    assert (sharing.now_of(eleventh).completed_at or 0) - eleventh.created_at == 1_000


class TestALongTaskThatComesLate:
    """It is taken with three minutes left, and its turn takes five."""

    @pytest.fixture
    def late(self, sharing: Deployment) -> Task:
        sharing.submit("First.", timeout_ms=1_800_000)
        sharing.model.on("First.", after(sharing.clock, 870, answer()))
        sharing.model.on("Long.", after(sharing.clock, 300, answer()), after(sharing.clock, 300, answer()))
        sharing.clock.later(720, lambda: sharing.submit("Long.", timeout_ms=1_800_000))
        sharing.work()
        return max(sharing.store.tasks.values(), key=lambda task: task.created_at)

    def test_it_is_handed_over_and_loses_no_attempt(self, sharing: Deployment, late: Task) -> None:
        assert (late.status, late.attempt, late.cut_off) == (Status.PENDING, 0, True)
        sharing.work()
        ended = sharing.now_of(late)
        assert (ended.status, ended.attempt, ended.cut_off) == (Status.COMPLETED, 1, False)
        assert sharing.model.bought == 2

    def test_a_worker_that_is_late_too_leaves_it_to_others(self, sharing: Deployment, late: Task) -> None:
        sharing.submit("Second.", timeout_ms=1_800_000)
        sharing.model.on("Second.", after(sharing.clock, 870, answer()))
        held_back, sharing.queue.messages[:1] = sharing.queue.messages[:1], []
        sharing.clock.later(500, lambda: sharing.queue.messages.extend(held_back))
        sharing.work()
        assert sharing.now_of(late).status is Status.PENDING
        (message,) = sharing.queue.messages
        assert message.receive_count < 10, "later each time"
        assert len(sharing.model.requests) == 3


class TestOtherProjects:
    @pytest.fixture
    def shared(self, sharing: Deployment) -> Deployment:
        """Ten places, and two more, of which a project has ten for a quarter of an hour."""
        sharing.reserved = 2
        sharing.registry.apply(agent(max_concurrent_tasks=50))
        sharing.registry.put_project(ProjectSettings("rival"))
        sharing.registry.apply(agent("other", "rival"))
        for n in range(10):
            sharing.submit(f"Task {n}.", timeout_ms=1_800_000)
            sharing.model.on(f"Task {n}.", after(sharing.clock, 870, answer()))
        return sharing

    def work(self, deployment: Deployment) -> None:
        deployment.clock.run(deployment.invoke(deployment.queue.receive(10)))

    def submit(self, deployment: Deployment) -> Task:
        return deployment.submit("Short.", project_id="rival", agent_id="other")

    @pytest.mark.parametrize("seconds", [1, 10, 400, 830])
    def test_a_short_task_starts_within_seconds(self, shared: Deployment, seconds: int) -> None:
        shared.clock.later(seconds, lambda: self.submit(shared))
        self.work(shared)
        short = next(task for task in shared.store.tasks.values() if task.project_id == "rival")
        assert short.status is Status.COMPLETED
        assert (short.started_at or 0) - short.created_at < 5_000

    def test_the_projects_own_next_task_waits_and_costs_few_receives(self, shared: Deployment) -> None:
        shared.queue.max_receives = 20  # as in the template
        shared.clock.later(10, lambda: shared.submit("Eleventh.", timeout_ms=1_800_000))
        self.work(shared)
        eleventh = max(shared.store.tasks.values(), key=lambda task: task.ref.task_id)
        assert eleventh.started_at is None
        (message,) = shared.queue.messages
        assert message.receive_count <= 12

    def test_a_place_that_gets_free_is_anybodys(self, shared: Deployment) -> None:
        shared.model.by_message["Task 0."] = [after(shared.clock, 20, answer())]
        shared.clock.later(10, lambda: shared.submit("Eleventh."))
        self.work(shared)
        eleventh = max(shared.store.tasks.values(), key=lambda task: task.ref.task_id)
        assert eleventh.status is Status.COMPLETED
        assert (eleventh.started_at or 0) - eleventh.created_at < 20_000


def test_a_queue_that_does_not_answer_disturbs_nobody(sharing: Deployment) -> None:
    task = sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    points = Failpoints()
    points.down("queue.receive", QueueUnavailable("down"))
    sharing.work(points)
    assert sharing.now_of(task).status is Status.COMPLETED


def test_a_task_that_was_taken_comes_back_when_the_process_dies(sharing: Deployment) -> None:
    sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    sharing.clock.later(2, lambda: sharing.submit("Second."))
    points = Failpoints()
    points.fail("queue.receive", Crash("with the message in its hands"), call=1, after=True)
    with pytest.raises(Crash):
        sharing.work(points)
    sharing.clock.advance(LEASE_SECONDS + 1)
    sharing.work()
    assert {task.status for task in sharing.store.tasks.values()} == {Status.COMPLETED}


def test_one_that_fails_leaves_the_others_alone_and_is_tried_again_here(sharing: Deployment) -> None:
    first = sharing.submit("First.")
    sharing.model.on("First.", after(sharing.clock, 20, answer()))
    sharing.model.on("Second.", ValueError("a bug"))
    sharing.clock.later(3, lambda: sharing.submit("Second."))
    assert sharing.work() == []
    second = max(sharing.store.tasks.values(), key=lambda task: task.created_at)
    assert [sharing.now_of(task).status for task in (first, second)] == [Status.COMPLETED] * 2
    assert (sharing.now_of(first).attempt, sharing.now_of(second).attempt) == (1, 2)
    assert not sharing.queue.messages
