"""Who gets a slot, who waits, who is next, and what a fault at any call leaves behind."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.concurrency.handover import STARVING_MS
from a2a_tasks.concurrency.line_watch import GRANTS, LineWatch
from a2a_tasks.concurrency.slots import LIMIT_CACHE_MS, WATCH_EVERY_MS, Slots
from a2a_tasks.domain.lease import CLOCKS_APART_MS
from a2a_tasks.domain.task import Priority, Question, Status, Task, TaskRef
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.slots import Waiter
from a2a_tasks.ports.tasks import InputRequest, Release
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.one_agent import AGENT, HOUR_MS, LEASE_MS, SCOPE, TALK, OneAgent, id_of


@pytest.fixture
def agent() -> OneAgent:
    return OneAgent()


# -- entering and leaving


def test_as_many_tasks_enter_as_the_limit_allows_and_the_others_wait(agent: OneAgent) -> None:
    a, b, c, d = (agent.new() for _ in range(4))

    assert agent.enter(a, b, c, d) == [True, True, False, False]
    assert agent.line() == [id_of(c), id_of(d)]
    assert [agent.process().is_waiting(task) for task in (a, c)] == [False, True]
    assert agent.sent() == []


def test_a_freed_slot_goes_to_the_next_in_line_who_gets_a_message(agent: OneAgent) -> None:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)

    agent.run(a)

    assert agent.holders() == {id_of(b), id_of(c)}
    assert agent.sent() == [id_of(c)]
    assert agent.line() == [id_of(d)]
    assert agent.enter(c, d) == [True, False]


def test_entering_again_keeps_the_slot_or_the_place(agent: OneAgent) -> None:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)

    assert agent.enter(a, d, c) == [True, False, False]
    assert agent.line() == [id_of(c), id_of(d)]


def test_leaving_again_changes_nothing(agent: OneAgent) -> None:
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a, b, c)
    ended = agent.complete(agent.claim(a))
    agent.process().leave(ended, ended=True)
    before = dict(agent.slots.held[SCOPE])

    agent.process().leave(ended, ended=True)

    assert (agent.slots.held[SCOPE], agent.sent()) == (before, [id_of(c)])
    agent.enter(c)
    agent.process().leave(ended, ended=True)
    assert (agent.holders(), agent.sent()) == ({id_of(b), id_of(c)}, [id_of(c)])


def test_leaving_without_a_slot_changes_nothing(agent: OneAgent) -> None:
    a, b, stranger = (agent.new() for _ in range(3))
    agent.enter(a, b)

    agent.process().leave(stranger, ended=False)
    agent.process().leave(agent.cancel(stranger), ended=True)

    assert agent.holders() == {id_of(a), id_of(b)}


def test_who_comes_later_takes_no_slot_while_others_wait(agent: OneAgent) -> None:
    a, b, c, late = (agent.new() for _ in range(4))
    agent.enter(a, b, c)
    agent.clock.advance(LIMIT_CACHE_MS / 1000)
    agent.allow(3)

    assert agent.enter(late) == [False]
    assert agent.holders() == {id_of(a), id_of(b), id_of(c)}
    assert agent.sent() == [id_of(c)]


def test_a_task_that_never_waits_costs_two_writes(agent: OneAgent) -> None:
    points, task = Failpoints(), agent.new()
    slots = agent.process(points)

    agent.entered(slots, task)
    slots.leave(agent.complete(agent.claim(task)), ended=True)

    assert points.calls == {
        "registry.agent": 1,
        "slots.state": 2,
        "slots.waiting": 1,
        "slots.take": 1,
        "slots.free": 1,
    }


def test_without_a_limit_nothing_is_read_or_written(agent: OneAgent) -> None:
    agent.allow(None)
    points, tasks = Failpoints(), [agent.new() for _ in range(100)]
    slots = agent.process(points)

    for task in tasks:
        assert agent.entered(slots, task)
        slots.leave(agent.complete(agent.claim(task)), ended=True)

    assert points.calls == {"registry.agent": 1}, "the agent itself, once in ten seconds"


def test_a_limit_counts_within_ten_seconds_of_its_change(agent: OneAgent) -> None:
    slots = agent.process()
    a, b, c, d, e = (agent.new() for _ in range(5))
    assert [agent.entered(slots, task) for task in (a, b, c, d)] == [True, True, False, False]

    agent.allow(3)
    agent.clock.advance(LIMIT_CACHE_MS / 1000)
    slots.leave(agent.cancel(a), ended=True)
    assert agent.holders() == {id_of(b), id_of(c), id_of(d)}

    agent.allow(1)
    agent.clock.advance(LIMIT_CACHE_MS / 1000)
    assert not slots.enter(e)
    first, *others = (agent.slots.held[SCOPE][number].task_id for number in range(3))
    for task_id in others:
        slots.leave(agent.cancel(agent.store.tasks[TaskRef(AGENT, task_id)]), ended=True)
        assert id_of(e) not in agent.holders()
    slots.leave(agent.cancel(agent.store.tasks[TaskRef(AGENT, first)]), ended=True)
    assert agent.holders() == {id_of(e)}


def test_below_a_lowered_limit_slots_are_used_on_and_beyond_it_they_are_not(agent: OneAgent) -> None:
    agent.allow(10)
    tasks = [agent.new() for _ in range(14)]
    agent.enter(*tasks)
    agent.allow(3)

    for number in range(9, 2, -1):
        task = agent.store.tasks[TaskRef(AGENT, agent.slots.held[SCOPE][number].task_id)]
        agent.run(task)
        assert agent.sent() == []
    agent.run(agent.store.tasks[TaskRef(AGENT, agent.slots.held[SCOPE][0].task_id)])

    assert agent.sent() == [id_of(tasks[10])]
    assert set(agent.slots.held[SCOPE]) == {0, 1, 2}


def test_a_line_is_let_through_when_the_limit_is_removed(agent: OneAgent) -> None:
    tasks = [agent.new() for _ in range(GRANTS + 30)]
    agent.enter(*tasks)
    agent.allow(None)

    agent.watch()
    agent.watch()

    assert set(agent.sent()) == {id_of(task) for task in tasks[2:]}
    assert agent.line() == []
    assert all(agent.enter(*tasks[2:]))
    agent.run(*tasks)
    assert agent.holders() == set()


# -- who is next


def test_high_goes_before_normal_before_low_and_the_older_first(agent: OneAgent) -> None:
    first, second = agent.new(), agent.new()
    order = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.NORMAL, Priority.HIGH, Priority.LOW]
    low, normal, high, normal2, high2, low2 = tasks = [agent.new(priority=priority) for priority in order]
    agent.enter(first, second, *tasks)

    for task in (first, high, high2, normal, normal2, low):
        agent.run(task)

    assert agent.sent() == [id_of(task) for task in (high, high2, normal, normal2, low, low2)]


def test_one_grant_in_four_goes_to_whoever_has_waited_longest(agent: OneAgent) -> None:
    first, second = agent.new(), agent.new()
    low, normal = agent.new(priority=Priority.LOW), agent.new()
    high, high2 = agent.new(priority=Priority.HIGH), agent.new(priority=Priority.HIGH)
    agent.enter(first, second, low, normal, high, high2)
    agent.clock.advance(STARVING_MS / 1000)

    for task, fraction in ((first, 0.25), (high, 0.1249), (low, 0.2499), (normal, 0.5)):
        agent.dice.next = fraction
        agent.run(task)

    assert agent.sent() == [id_of(task) for task in (high, low, normal, high2)]


def test_who_has_not_waited_long_lets_a_higher_priority_go_first(agent: OneAgent) -> None:
    first, second = agent.new(), agent.new()
    low, high = agent.new(priority=Priority.LOW), agent.new(priority=Priority.HIGH)
    agent.enter(first, second, low, high)
    agent.clock.advance(STARVING_MS / 1000 - 1)
    agent.dice.next = 0.0

    agent.run(first)

    assert agent.sent() == [id_of(high)]


@pytest.mark.parametrize("priority", [Priority.LOW, Priority.NORMAL])
def test_nobody_starves_behind_an_endless_stream_of_high_tasks(priority: Priority) -> None:
    agent = OneAgent(limit=1)
    running = agent.new(priority=Priority.HIGH)
    starving = [agent.new(priority=priority) for _ in range(5)]
    agent.enter(running, *starving)
    slots = replace(agent.process(), entropy=SeededEntropy(3))
    agent.clock.advance(STARVING_MS / 1000)
    for _ in range(100):
        slots.enter(agent.new(priority=Priority.HIGH))
        slots.leave(agent.cancel(running), ended=True)
        (holder,) = agent.holders()
        running = agent.store.tasks[TaskRef(AGENT, holder)]

    served = [task for task in agent.store.tasks.values() if task.is_terminal]
    assert {id_of(task) for task in starving} <= {id_of(task) for task in served}
    assert sum(task.priority is Priority.HIGH for task in served) >= 70


@pytest.mark.parametrize("status", [Status.CANCELED, Status.RUNNING, Status.INPUT_REQUIRED])
def test_who_cannot_use_a_slot_any_more_is_passed_over(agent: OneAgent, status: Status) -> None:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)
    if status is Status.CANCELED:
        agent.cancel(c)
    else:
        running = agent.claim(c)
        if status is Status.INPUT_REQUIRED:
            now = agent.clock.now()
            agent.store.request_input(
                c.ref, running.fence, InputRequest(now, Question("q", "Which?"), now + HOUR_MS, 1_000)
            )

    agent.run(a)

    assert agent.holders() == {id_of(b), id_of(d)}
    assert agent.line() == []


@pytest.mark.parametrize("gone", [True, False])
def test_deleted_and_expired_tasks_are_passed_over(agent: OneAgent, gone: bool) -> None:
    a, b, d = (agent.new() for _ in range(3))
    c = agent.new(deadline=agent.clock.now() + 5)
    agent.enter(a, b, c, d)
    if gone:
        agent.store.delete(c.ref)
    else:
        agent.clock.advance(1)

    agent.run(a)

    assert agent.sent() == [id_of(d)]


def test_a_waiting_task_that_ends_leaves_the_line(agent: OneAgent) -> None:
    a, b, c, d = (agent.new(context_id="talk") for _ in range(4))
    for task in (a, b, c, d):
        agent.process().register(task)
    agent.enter(a, b, c, d)

    for task in (b, c):
        agent.process().leave(agent.cancel(task), ended=True)

    assert agent.line(TALK) == [id_of(d)]


# -- conversations


def talk(agent: OneAgent, count: int, **changes: Any) -> list[Task]:
    """New tasks of one conversation, registered as they are created."""
    tasks = [agent.new(context_id="talk", **changes) for _ in range(count)]
    for task in tasks:
        agent.process().register(task)
    return tasks


def test_a_conversation_has_one_task_at_a_time_in_order() -> None:
    agent = OneAgent(limit=9)
    a, b, c = talk(agent, 3)
    other = agent.new(context_id="other")

    assert agent.enter(a, b, other, c) == [True, False, True, False]
    agent.run(a)
    assert agent.sent() == [id_of(b)]
    agent.enter(b)
    agent.run(b)
    assert agent.sent() == [id_of(b), id_of(c)]


def test_the_earlier_message_goes_first_though_it_is_delivered_later() -> None:
    agent = OneAgent(limit=9)
    a, b = talk(agent, 2)

    assert agent.enter(b) == [False]
    assert agent.holders(TALK) == {id_of(a)}
    assert agent.sent() == [id_of(a)]
    assert agent.enter(a) == [True]


def test_nobody_waits_in_a_conversation_while_it_is_nobodys_turn() -> None:
    """Who got in line may have died before sending a message."""
    agent = OneAgent(limit=9)
    tasks = talk(agent, 2)

    assert [agent.process().is_waiting(task) for task in tasks] == [False, False]
    agent.enter(tasks[0])
    assert [agent.process().is_waiting(task) for task in tasks] == [False, True]


def test_priority_does_not_change_the_order_of_a_conversation() -> None:
    agent = OneAgent(limit=9)
    a, low = talk(agent, 2, priority=Priority.LOW)
    (high,) = talk(agent, 1, priority=Priority.HIGH)
    agent.enter(a, high, low)

    agent.run(a)

    assert agent.sent() == [id_of(low)]


def test_a_conversation_belongs_to_its_task_until_that_has_ended() -> None:
    agent = OneAgent(limit=1)
    a, b = talk(agent, 2)
    stranger = agent.new()
    agent.enter(a, b, stranger)
    running = agent.claim(a)

    agent.process().leave(running, ended=False)

    assert agent.sent() == [id_of(stranger)]
    assert agent.holders(TALK) == {id_of(a)}
    agent.process().leave(agent.complete(running), ended=True)
    assert agent.holders(TALK) == {id_of(b)}


def test_a_task_keeps_its_conversation_while_it_waits_for_the_agent() -> None:
    agent = OneAgent(limit=1)
    stranger = agent.new()
    a, b = talk(agent, 2)

    assert agent.enter(stranger, a, b) == [True, False, False]
    assert agent.holders(TALK) == {id_of(a)}
    agent.run(stranger)
    assert agent.sent() == [id_of(a)]


def test_a_later_start_does_not_hold_up_a_conversation() -> None:
    agent = OneAgent(limit=9)
    later = agent.clock.now() + HOUR_MS // 2
    delayed, now = talk(agent, 1, not_before=later) + talk(agent, 1)

    assert agent.enter(now) == [True]
    agent.run(now)
    agent.clock.advance(HOUR_MS / 2000)
    assert agent.enter(delayed) == [True]


def test_a_dead_task_at_the_head_does_not_hold_up_its_conversation() -> None:
    agent = OneAgent(limit=9)
    a, b = talk(agent, 2)
    agent.cancel(a)

    assert agent.enter(b) == [True]
    assert agent.line(TALK) == []


# -- workers that come too late


def test_a_stale_worker_frees_nothing_of_the_claim_after_its_own(agent: OneAgent) -> None:
    task = agent.new()
    agent.enter(task)
    stale = agent.claim(task)
    now = agent.clock.now()
    agent.store.release(task.ref, stale.fence, Release(now, now, now + 1, ()))
    waiting = agent.store.tasks[task.ref]
    agent.enter(waiting)

    agent.process().leave(stale, ended=False)

    assert agent.holders() == {id_of(task)}
    agent.process().leave(agent.claim(waiting), ended=False)
    assert agent.holders() == set()


def test_a_place_in_line_is_not_lost_to_a_late_process(agent: OneAgent) -> None:
    task = agent.new()
    agent.slots.wait(SCOPE, Waiter(id_of(task), Priority.NORMAL, 3, task.deadline))

    agent.slots.stop_waiting(SCOPE, Waiter(id_of(task), Priority.NORMAL, 2, task.deadline))

    assert agent.line() == [id_of(task)]


# -- the safety net

Bring = Callable[[OneAgent, Task], object]


def nothing(agent: OneAgent, task: Task) -> None:
    """It has just entered."""


def running(agent: OneAgent, task: Task) -> None:
    agent.claim(task)


def asking(agent: OneAgent, task: Task) -> None:
    now = agent.clock.now()
    pause = InputRequest(now, Question("call", "Which?"), now + HOUR_MS, 60_000)
    agent.store.request_input(task.ref, agent.claim(task).fence, pause)


def given_back(agent: OneAgent, task: Task, seconds: int = 0, awaits: tuple[TaskRef, ...] = ()) -> None:
    now = agent.clock.now()
    release = Release(now, now + seconds * 1000, now + 30_000, (), awaits=awaits)
    agent.store.release(task.ref, agent.claim(task).fence, release)


def canceled_and_noticed_by_nobody(agent: OneAgent, task: Task) -> None:
    agent.cancel(agent.claim(task))
    agent.clock.advance((LEASE_MS + CLOCKS_APART_MS) / 1000)


HOLDERS: list[tuple[Bring, bool]] = [
    (lambda agent, task: agent.store.delete(task.ref), True),
    (lambda agent, task: agent.complete(agent.claim(task)), True),
    (lambda agent, task: agent.cancel(task), True),
    (canceled_and_noticed_by_nobody, True),
    (lambda agent, task: agent.cancel(agent.claim(task)), False),
    (asking, True),
    (lambda agent, task: given_back(agent, task, seconds=60), True),
    (lambda agent, task: given_back(agent, task, awaits=(TaskRef(AGENT, "child"),)), True),
    (lambda agent, task: given_back(agent, task), False),
    (running, False),
    (nothing, False),
]
NAMES = [
    "deleted",
    "completed",
    "canceled before it ran",
    "canceled, its worker gone",
    "canceled, its worker may not know",
    "asks",
    "waits for a retry",
    "waits for another task",
    "on its way to a worker",
    "running",
    "just entered",
]


@pytest.mark.parametrize(("bring", "evicted"), HOLDERS, ids=NAMES)
def test_who_watches_a_line_takes_back_what_nobody_uses_and_nothing_else(bring: Bring, evicted: bool) -> None:
    agent = OneAgent(limit=1)
    holder, waiting = agent.new(), agent.new()
    agent.enter(holder, waiting)
    bring(agent, holder)

    agent.watch()

    assert agent.holders() == {id_of(waiting if evicted else holder)}
    assert agent.sent() == ([id_of(waiting)] if evicted else [])


@pytest.mark.parametrize("name", ["asks", "waits for a retry", "waits for another task"])
def test_a_conversation_is_not_taken_from_a_task_that_goes_on_later(name: str) -> None:
    agent = OneAgent(limit=9)
    holder, waiting = talk(agent, 2)
    agent.enter(holder, waiting)
    HOLDERS[NAMES.index(name)][0](agent, holder)

    agent.watch()

    assert agent.holders(TALK) == {id_of(holder)}


def test_nobody_waits_in_a_line_that_is_not_watched() -> None:
    agent = OneAgent(limit=1)
    holder, waiting = agent.new(), agent.new()
    agent.enter(holder)
    points = Failpoints()
    points.fail("slots.wait", Crash(), after=True)
    with pytest.raises(Crash):
        agent.process(points).enter(waiting)
    canceled = agent.cancel(holder)
    agent.clock.advance(WATCH_EVERY_MS / 1000)

    (line,) = LineWatch(agent.process()).due(9)
    LineWatch(agent.process()).check(line)

    assert canceled.is_terminal
    assert agent.sent() == [id_of(waiting)]


# -- faults at every call

type Scene = Callable[[OneAgent], Callable[[Slots], object]]
"""Sets up an agent; what it returns is the call that meets the fault."""


def leaving(agent: OneAgent) -> Callable[[Slots], object]:
    a, b, c, d, e = (agent.new() for _ in range(5))
    agent.enter(a, b, c, d, e)
    agent.cancel(c)
    ended = agent.complete(agent.claim(a))
    return lambda slots: slots.leave(ended, ended=True)


def leaving_a_conversation(agent: OneAgent) -> Callable[[Slots], object]:
    a, b, c = talk(agent, 3)
    agent.enter(a, b, c)
    ended = agent.complete(agent.claim(a))
    return lambda slots: slots.leave(ended, ended=True)


def canceling(agent: OneAgent) -> Callable[[Slots], object]:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)
    ended = agent.cancel(c)
    return lambda slots: slots.leave(ended, ended=True)


def entering_in_vain(agent: OneAgent) -> Callable[[Slots], object]:
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a, b)
    return lambda slots: slots.enter(c)


def entering_when_there_is_room_for_all(agent: OneAgent) -> Callable[[Slots], object]:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c)
    agent.allow(4)
    return lambda slots: slots.enter(d)


def refilling(agent: OneAgent) -> Callable[[Slots], object]:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)
    agent.cancel(a)
    given_back(agent, b, seconds=60)
    return lambda slots: LineWatch(slots).check(SCOPE)


SCENES: list[Scene] = [
    leaving,
    leaving_a_conversation,
    canceling,
    entering_in_vain,
    entering_when_there_is_room_for_all,
    refilling,
]


def calls_of(scene: Scene) -> list[tuple[Scene, str, int]]:
    agent, points = OneAgent(), Failpoints()
    scene(agent)(agent.process(points))
    return [(scene, point, n + 1) for point, count in points.calls.items() for n in range(count)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("scene", "point", "number"), [call for scene in SCENES for call in calls_of(scene)])
def test_calling_again_after_a_fault_does_all_that_was_left(
    scene: Scene, point: str, number: int, after: bool
) -> None:
    smooth, faulty = OneAgent(), OneAgent()
    scene(smooth)(smooth.process())
    call, points = scene(faulty), Failpoints()
    error = QueueUnavailable("queue") if point == "queue.send" else StoreUnavailable("store")
    points.fail(point, error, call=number, after=after)
    slots = faulty.process(points)

    with pytest.raises(type(error)):
        call(slots)
    call(slots)
    for agent in (smooth, faulty):
        agent.make_up()

    assert faulty.slots.most[SCOPE] <= smooth.slots.most[SCOPE]
    for scope in (SCOPE, TALK):
        assert faulty.holders(scope) == smooth.holders(scope)
        # an entry of a task that has its slot means nothing, and goes when the slot is given back
        in_line = [task_id for task_id in faulty.line(scope) if task_id not in faulty.holders(scope)]
        assert in_line == smooth.line(scope)
    assert set(faulty.sent()) >= set(smooth.sent())


# -- a process that dies as it hands a slot on


def deaths(scene: Scene) -> list[tuple[Scene, int]]:
    agent, points = OneAgent(), Failpoints()
    scene(agent)(agent.process(points))
    return [(scene, number) for number in range(1, points.calls.total() + 1)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("scene", "number"), [death for scene in SCENES for death in deaths(scene)])
def test_whoever_dies_handing_a_slot_on_the_others_get_theirs(scene: Scene, number: int, after: bool) -> None:
    """Nobody calls again: only lines are looked at, and who is due by itself."""
    agent, points = OneAgent(), Failpoints(crash_at=number, crash_after=after)
    call = scene(agent)
    with pytest.raises(Crash):
        call(agent.process(points))

    for _ in range(6):
        agent.make_up()
        for task in list(agent.store.tasks.values()):
            if task.status is Status.PENDING and id_of(task) in agent.sent() and agent.enter(task) == [True]:
                agent.run(task)
            elif task.status is Status.RUNNING:
                agent.process().leave(agent.complete(task), ended=True)

    assert agent.slots.most[SCOPE] <= (agent.limit or 0)
    waiting = [agent.store.tasks[TaskRef(AGENT, task_id)] for task_id in agent.line()]
    assert not [task for task in waiting if not task.is_terminal]
    assert all(task.is_terminal for task in agent.store.tasks.values() if id_of(task) in agent.sent())
