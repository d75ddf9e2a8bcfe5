"""Processes at once, in every order of their calls: no slot is lost, and none is given to too many."""

from collections.abc import Callable, Iterable
from functools import partial

import pytest

from a2a_tasks.concurrency.line_watch import LineWatch
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.domain.schedule import claimable
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.ports.tasks import Release
from tests.twins.faults.interleaving import Choose, Process, Turns, every_schedule, run_together
from tests.twins.one_agent import AGENT, SCOPE, TALK, OneAgent

pytestmark = pytest.mark.slow

SWITCHES = {2: 3, 3: 2}
"""By the number of processes: how often the running one changes before it has ended. One or two are enough
for each of these races to go wrong."""

type Act = Callable[[Slots], object]
type Race = Callable[[OneAgent], tuple[Act, ...]]
"""Sets up an agent; what it returns happens at the same time."""


def parking_while_the_last_slot_is_freed(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b = agent.new(), agent.new()
    agent.enter(a)
    ended = agent.complete(agent.claim(a))
    return lambda slots: slots.leave(ended, ended=True), lambda slots: slots.enter(b)


def two_park_while_the_last_slot_is_freed(agent: OneAgent) -> tuple[Act, ...]:
    c = agent.new()
    return *parking_while_the_last_slot_is_freed(agent), lambda slots: slots.enter(c)


def two_slots_freed_for_one_who_waits(agent: OneAgent) -> tuple[Act, ...]:
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a, b, c)
    first, second = agent.complete(agent.claim(a)), agent.complete(agent.claim(b))
    return lambda slots: slots.leave(first, ended=True), lambda slots: slots.leave(second, ended=True)


def two_slots_freed_and_one_comes(agent: OneAgent) -> tuple[Act, ...]:
    late = agent.new()
    return *two_slots_freed_for_one_who_waits(agent), lambda slots: slots.enter(late)


def one_end_noticed_twice(agent: OneAgent) -> tuple[Act, ...]:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)
    ended = agent.complete(agent.claim(a))
    return (
        lambda slots: slots.leave(ended, ended=True),
        lambda slots: slots.leave(ended, ended=True),
        lambda slots: LineWatch(slots).check(SCOPE),
    )


def a_called_task_is_canceled(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a, b, c)
    ended = agent.complete(agent.claim(a))
    return (
        lambda slots: slots.leave(ended, ended=True),
        lambda slots: slots.leave(agent.cancel(b), ended=True),
    )


def one_task_delivered_twice_behind_another(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a, b)
    agent.cancel(b)
    ended = agent.complete(agent.claim(a))
    return (
        lambda slots: slots.leave(ended, ended=True),
        lambda slots: slots.enter(c),
        lambda slots: slots.enter(c),
    )


def two_slots_freed_at_once(agent: OneAgent) -> tuple[Act, ...]:
    a, b, c, d = (agent.new() for _ in range(4))
    agent.enter(a, b, c, d)
    first, second = agent.complete(agent.claim(a)), agent.complete(agent.claim(b))
    return lambda slots: slots.leave(first, ended=True), lambda slots: slots.leave(second, ended=True)


def two_for_one_slot(agent: OneAgent) -> tuple[Act, ...]:
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a)
    return lambda slots: slots.enter(b), lambda slots: slots.enter(c)


def one_task_delivered_twice(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b = agent.new(), agent.new()
    agent.enter(a)
    agent.run(a)
    return lambda slots: slots.enter(b), lambda slots: slots.enter(b)


def the_next_in_line_is_canceled(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b, c = (agent.new() for _ in range(3))
    agent.enter(a, b, c)
    ended, canceled = agent.complete(agent.claim(a)), agent.cancel(b)
    return lambda slots: slots.leave(ended, ended=True), lambda slots: slots.leave(canceled, ended=True)


def a_conversation_goes_on(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(9)
    a, b = agent.new(context_id="talk"), agent.new(context_id="talk")
    agent.process().register(a)
    agent.process().register(b)
    agent.enter(a)
    ended = agent.complete(agent.claim(a))
    return lambda slots: slots.leave(ended, ended=True), lambda slots: slots.enter(b)


def an_evicted_task_comes_back(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b = agent.new(), agent.new()
    agent.enter(a, b)
    now = agent.clock.now()
    agent.store.release(a.ref, agent.claim(a).fence, Release(now, now + 1_000, now + 30_000, ()))
    agent.clock.advance(0.999)

    def come_back(slots: Slots) -> object:
        slots.is_waiting(a)
        agent.clock.advance(0.001)
        return slots.enter(agent.store.tasks[a.ref])

    return lambda slots: LineWatch(slots).check(SCOPE), come_back


def a_worker_leaves_late(agent: OneAgent) -> tuple[Act, ...]:
    agent.allow(1)
    a, b = agent.new(), agent.new()
    agent.enter(a, b)
    stale, now = agent.claim(a), agent.clock.now()
    agent.store.release(a.ref, stale.fence, Release(now, now, now + 30_000, ()))
    return lambda slots: slots.leave(stale, ended=False), lambda slots: slots.enter(agent.store.tasks[a.ref])


RACES: list[Race] = [
    parking_while_the_last_slot_is_freed,
    two_park_while_the_last_slot_is_freed,
    two_slots_freed_at_once,
    two_slots_freed_for_one_who_waits,
    two_slots_freed_and_one_comes,
    one_end_noticed_twice,
    a_called_task_is_canceled,
    one_task_delivered_twice_behind_another,
    two_for_one_slot,
    one_task_delivered_twice,
    the_next_in_line_is_canceled,
    a_conversation_goes_on,
    an_evicted_task_comes_back,
    a_worker_leaves_late,
]


IN_ONE_NAME = [a_worker_leaves_late, one_end_noticed_twice]
"""Two processes act for one task, and both may call the next."""


def race(agent: OneAgent, acts: Iterable[Act], choose: Choose) -> None:
    processes = []
    for act in acts:
        turns = Turns()
        slots = agent.process(turns)
        processes.append(Process(turns, partial(act, slots)))
    run_together(processes, choose)


def assert_nobody_waits_in_vain(agent: OneAgent) -> None:
    """No slot is free while somebody waits who can use it; whoever was granted one has a message."""
    now = agent.clock.now()
    limits = {SCOPE: agent.limit or 0, TALK: 1}
    for scope, limit in limits.items():
        holders = agent.holders(scope)
        waiting = [TaskRef(AGENT, task_id) for task_id in agent.line(scope) if task_id not in holders]
        usable = [ref for ref in waiting if claimable(agent.store.tasks[ref], now)]
        assert not usable or len(holders) >= limit
        assert agent.slots.most.get(scope, 0) <= limit
        assert "" not in holders, "a slot is lent for a moment only"


def run_to_the_end(agent: OneAgent) -> None:
    """Whoever has a slot uses it and gives it back, until nobody has one."""
    for _ in range(len(agent.store.tasks)):
        for task_id in agent.holders(SCOPE) | agent.holders(TALK):
            task = agent.store.tasks[TaskRef(AGENT, task_id)]
            if task.status is Status.PENDING and agent.enter(task) == [True]:
                task = agent.claim(task)
            if task.status is Status.RUNNING:
                agent.process().leave(agent.complete(task), ended=True)


@pytest.mark.parametrize("setting", RACES)
def test_in_every_order_no_slot_is_lost_and_none_is_too_many(setting: Race) -> None:
    schedules, switches = 0, SWITCHES[len(setting(OneAgent()))]
    for choose in every_schedule(switches):
        agent = OneAgent()
        race(agent, setting(agent), choose)
        schedules += 1

        assert_nobody_waits_in_vain(agent)
        if setting not in IN_ONE_NAME:
            assert len(agent.sent()) == len(set(agent.sent())), "nobody is called twice"
        run_to_the_end(agent)
        assert all(task.is_terminal for task in agent.store.tasks.values())
    assert schedules > 5
