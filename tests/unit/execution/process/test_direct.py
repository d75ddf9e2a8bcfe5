"""Tasks that come while a worker is up go to it directly, and start no other worker."""

import asyncio

import pytest

from a2a_tasks.concurrency.taker_watch import FRESH_MS, LINGER_MS
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.taker import Taker
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.execution.process.intake import DIRECT_SECONDS
from a2a_tasks.execution.process.taker_listing import LISTED_MS, REFRESH_MS, SETTLED_MS
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from tests.twins.clock import START_MS
from tests.twins.deployment import LEASE_SECONDS, Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import Step, after, answer
from tests.twins.queue import Message


@pytest.fixture
def up(deployment: Deployment) -> Deployment:
    """A worker takes the first task, which lasts half a minute, when it is told to work."""
    deployment.room = 100
    deployment.registry.apply(agent(max_concurrent_tasks=50))
    deployment.submit("First.")
    deployment.model.on("First.", after(deployment.clock, 30, answer()))
    return deployment


def later(deployment: Deployment, seconds: float, *steps: Step) -> list[Task]:
    """The task that is submitted so much later, once it is."""
    name = f"After {seconds} s."
    tasks: list[Task] = []
    deployment.model.on(name, *(steps or (after(deployment.clock, 3, answer()),)))
    deployment.clock.later(seconds, lambda: tasks.append(deployment.submit(name)))
    return tasks


def only_message(deployment: Deployment, seconds: float) -> list[Message]:
    """What is in the queue by then, beside the message of the first task."""
    found: list[Message] = []
    deployment.clock.later(seconds, lambda: found.extend(deployment.queue.messages[1:]))
    return found


def test_a_task_that_comes_meanwhile_is_sent_to_the_worker_that_is_up(up: Deployment) -> None:
    tasks, message = later(up, 6), only_message(up, 6.1)
    assert up.work() == []
    assert [each.is_direct for each in message] == [True]
    ended = up.now_of(tasks[0])
    assert ended.status is Status.COMPLETED
    assert (ended.started_at or 0) - ended.created_at <= max(DIRECT_SECONDS) * 1000
    assert not up.queue.messages


def test_without_a_worker_it_starts_one(deployment: Deployment) -> None:
    deployment.submit("First.")
    assert [message.is_direct for message in deployment.queue.messages] == [False]


def test_nobody_is_listed_after_the_last_task(up: Deployment) -> None:
    up.work()
    assert not up.takers.rows
    assert up.clock.now() - START_MS <= 30_000 + LINGER_MS + max(DIRECT_SECONDS) * 1000


def test_what_was_sent_by_somebody_who_did_not_know_is_still_taken(up: Deployment) -> None:
    """The process that accepts it has read the list just before the worker left it."""
    up.clock.later(29.9, up.queue.is_open)
    tasks = later(up, 29.9 + FRESH_MS / 1000 - 0.01)
    up.work()
    assert up.now_of(tasks[0]).status is Status.COMPLETED


def test_a_worker_that_dies_leaves_a_message_that_starts_another(up: Deployment) -> None:
    """Its own task has ended by then; those that came directly have no message of their own that would."""
    up.model.by_message["First."] = [after(up.clock, 4, answer())]
    tasks = [later(up, 2 + n / 10, after(up.clock, 60, answer()), answer()) for n in range(25)]
    points = Failpoints()
    up.clock.later(20, points.die)
    with pytest.raises(Crash):
        up.work(points)
    running = [up.now_of(task) for (task,) in tasks]
    assert {task.status for task in running} == {Status.RUNNING}
    up.clock.advance(LEASE_SECONDS + 1)
    (started_by,) = up.queue.receive(10)
    assert started_by.receive_count == 2
    up.clock.run(up.invoke([started_by]))
    assert {up.now_of(task).status for task in running} == {Status.COMPLETED}
    assert not up.queue.messages


def test_what_a_worker_took_just_before_it_died_is_waited_for(up: Deployment) -> None:
    """It comes back up to a beat later than the message that starts another worker."""
    up.model.by_message["First."] = [after(up.clock, 4, answer())]
    early = later(up, 3, after(up.clock, 15.5, answer()))
    late = later(up, 18.2, after(up.clock, 60, answer()), answer())
    points = Failpoints()
    up.clock.later(20, points.die)
    with pytest.raises(Crash):
        up.work(points)
    assert (up.now_of(early[0]).status, up.now_of(late[0]).status) == (Status.COMPLETED, Status.RUNNING)
    while not (started_by := up.queue.receive(10)):
        up.clock.advance(0.1)
    up.clock.run(up.invoke(started_by))
    assert up.now_of(late[0]).status is Status.COMPLETED
    assert not up.queue.messages


@pytest.mark.parametrize(("seconds_after", "is_received"), [(1.6, True), (7.9, False)])
def test_what_is_sent_to_a_dead_worker_is_found(
    up: Deployment, seconds_after: float, is_received: bool
) -> None:
    """It has no tasks left. The list names it for some seconds more, and the poll that it had under way
    receives for it: such a message is invisible for a lease."""
    up.model.by_message["First."] = [after(up.clock, 4, answer())]
    points = Failpoints()
    points.fail("takers.leave", Crash("as its poll returned"))
    with pytest.raises(Crash):
        up.work(points)
    assert {task.status for task in up.store.tasks.values()} == {Status.COMPLETED}
    up.clock.advance(seconds_after)
    late = up.submit("Late.")
    assert [message.is_direct for message in up.queue.messages].count(True) == 1
    if is_received:
        up.queue.receive_direct(10, LEASE_SECONDS, 1)
    while not (started_by := up.queue.receive(10)):
        up.clock.advance(0.1)
    up.clock.run(up.invoke(started_by))
    assert up.now_of(late).status is Status.COMPLETED


def test_a_worker_whose_own_messages_are_gone_takes_nothing_directly(up: Deployment) -> None:
    """Its first one goes back, since the store does not answer: should it die, nothing starts another."""
    points = Failpoints()
    points.fail("store.get", StoreUnavailable("down"))
    up.work(points)
    assert points.calls["takers.put"] == 0


def test_its_own_message_that_comes_again_does_not_keep_it(up: Deployment) -> None:
    """It went back as the store did not answer, and this worker, which has other tasks, receives it again."""
    up.submit("Second.")
    up.model.on("Second.", after(up.clock, 50, answer()))
    points = Failpoints()
    points.fail("store.get", StoreUnavailable("down"))
    up.work(points)
    assert {task.status for task in up.store.tasks.values()} == {Status.COMPLETED}
    assert up.clock.now() - START_MS < 100_000
    assert not up.queue.messages


def test_what_cannot_be_done_now_goes_where_a_worker_is_started_for_it(up: Deployment) -> None:
    later(up, 6, ValueError("a bug"))
    points = Failpoints()
    up.clock.later(5.9, lambda: points.down("store.get", StoreUnavailable("down")))
    up.clock.later(11, lambda: points.up("store.get"))
    message = only_message(up, 12)
    up.work(points)
    assert [(each.is_direct, each.receive_count) for each in message] == [(False, 0)]


def test_a_worker_with_few_tasks_stands_back_for_one_with_more(up: Deployment) -> None:
    up.model.by_message["First."] = [after(up.clock, 60, answer())]
    up.takers.put(Taker("other", tasks=20, room=80, until=START_MS + 25_000))
    listed: list[int] = []
    for seconds in (SETTLED_MS / 1000 - 1, SETTLED_MS / 1000 + REFRESH_MS / 1000, 25 + REFRESH_MS / 1000 + 1):
        up.clock.later(seconds, lambda: listed.append(len({*up.takers.rows} - {"other"})))
    up.work()
    assert listed == [1, 0, 1], "not while it is young; again when the other is gone"


def test_copies_of_one_initialized_process_are_told_apart(up: Deployment) -> None:
    """With SnapStart they have all memory in common; under one name each would take the others off the list,
    and none would stand back for another."""
    up.submit("Second.")
    up.model.on("Second.", after(up.clock, 30, answer()))
    listed: list[int] = []
    up.clock.later(3, lambda: listed.append(len(up.takers.rows)))
    executor = up.executor()
    copies = [executor.execute([delivery], lambda: 900) for delivery in up.queue.receive(2)]
    up.together(*copies)
    assert listed == [2]
    assert not up.takers.rows


def test_entries_of_the_dead_are_taken_off(up: Deployment) -> None:
    up.takers.put(Taker("dead", tasks=20, room=80, until=START_MS - 120_000))
    up.work()
    assert not up.takers.rows


def test_entries_run_out(up: Deployment) -> None:
    up.clock.advance(FRESH_MS / 1000)
    up.takers.put(Taker("dead", tasks=20, room=80, until=up.clock.now() + LISTED_MS))
    assert up.queue.is_open()
    up.clock.advance(LISTED_MS / 1000)
    assert not up.queue.is_open()


def test_a_full_worker_is_off_the_list_before_its_last_place_is_taken(up: Deployment) -> None:
    up.room = 20
    for n in range(19):
        later(up, 1 + n / 100, after(up.clock, 20, answer()))
    listed: list[int] = []
    for seconds in (0.9, 4, 10):
        up.clock.later(seconds, lambda: listed.append(len(up.takers.rows)))
    up.work()
    assert listed == [1, 0, 0]


def test_during_a_pause_nobody_is_listed(up: Deployment) -> None:
    up.clock.later(2, lambda: up.registry.start_pause(Pause(up.clock.now(), "strange")))
    listed: list[int] = []
    up.clock.later(2 + 3 * REFRESH_MS / 1000, lambda: listed.append(len(up.takers.rows)))
    up.work()
    assert listed == [0]


def test_a_list_that_does_not_answer_disturbs_nobody(up: Deployment) -> None:
    tasks = later(up, 6)
    points = Failpoints()
    points.down("takers", StoreUnavailable("down"))
    up.work(points)
    assert up.telemetry.problems
    assert up.now_of(tasks[0]).status is Status.COMPLETED, "found in the queue of new tasks"


def test_a_queue_of_direct_messages_that_does_not_answer_disturbs_nobody(up: Deployment) -> None:
    tasks = later(up, 6)
    points = Failpoints()
    points.down("queue.receive_direct", QueueUnavailable("down"))
    up.clock.later(12, lambda: points.up("queue.receive_direct"))
    up.work(points)
    assert points.calls["queue.receive_direct"] > 1
    assert up.telemetry.problems
    assert up.now_of(tasks[0]).status is Status.COMPLETED
    assert not up.queue.messages


class TestProcessLoad:
    def test_without_memory_a_message_goes_back_and_no_attempt_is_counted(self, up: Deployment) -> None:
        """The first task is in hand; the second comes with an invocation of its own, say of a frozen
        process that goes on."""
        up.clock.later(1, lambda: setattr(up.process_load, "memory", True))
        second = up.submit("Second.")
        first, other = up.queue.receive(2)
        executor = up.executor()

        async def one_then_the_other() -> list[str]:
            async def then() -> list[str]:
                await up.clock.sleep(2)
                return await executor.execute([other], lambda: 900)

            answers = await asyncio.gather(executor.execute([first], lambda: 900), then())
            return answers[1]

        assert up.clock.run(one_then_the_other()) == [other.message_id]
        assert (up.now_of(second).status, up.now_of(second).attempt) == (Status.PENDING, 0)

    def test_the_only_task_is_done_however_little_memory_is_left(self, up: Deployment) -> None:
        up.process_load.memory = True
        assert up.work() == []
        (task,) = up.store.tasks.values()
        assert task.status is Status.COMPLETED

    @pytest.mark.parametrize("what", ["memory", "time"])
    def test_nothing_more_is_taken(self, up: Deployment, what: str) -> None:
        up.clock.later(5, lambda: setattr(up.process_load, what, True))
        tasks, listed = later(up, 8), []
        up.clock.later(12, lambda: listed.append(len(up.takers.rows)))
        up.work()
        assert listed == [0]
        assert up.now_of(tasks[0]).status is Status.PENDING
        assert [message.is_direct for message in up.queue.messages] == [False]

    def test_it_takes_more_once_it_is_over(self, up: Deployment) -> None:
        up.process_load.time = True
        up.clock.later(10, lambda: setattr(up.process_load, "time", False))
        tasks = later(up, 16)
        up.work()
        assert up.now_of(tasks[0]).status is Status.COMPLETED


def test_a_direct_message_that_cannot_be_taken_goes_where_another_worker_is_started(up: Deployment) -> None:
    """It is on its way when its worker begins to lack time."""
    up.clock.later(4.9, up.queue.is_open)
    up.clock.later(5, lambda: setattr(up.process_load, "time", True))
    later(up, 5.3)
    message = only_message(up, 7)
    up.work()
    assert [each.is_direct for each in message] == [False]
