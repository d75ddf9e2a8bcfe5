"""What it costs to hand slots on, and that this does not depend on how many wait."""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from a2a_tasks.concurrency.handover import STARVING_MS
from a2a_tasks.concurrency.line_watch import GRANTS, PAGES, LineWatch
from a2a_tasks.concurrency.slots import WATCH_EVERY_MS
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.slots import PAGE, Holder, Waiter
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import Failpoints
from tests.twins.faults.interleaving import Process, Turns, run_together
from tests.twins.one_agent import HOUR_MS, SCOPE, OneAgent, id_of

pytestmark = pytest.mark.slow

REFUSED = 4
"""Tasks that a giver finds taken, at most on average, where fifty give at once."""


def of_ports(points: Failpoints) -> Counter[str]:
    """Calls but for the agent's limit, which is read once in ten seconds."""
    return Counter({point: n for point, n in points.calls.items() if point != "registry.agent"})


def line_of(agent: OneAgent, count: int, **changes: Any) -> list[Task]:
    """Tasks that got in line long ago, without a call."""
    waiting = [agent.new(**changes) for _ in range(count)]
    for task in waiting:
        agent.slots.wait(SCOPE, waiter(task))
    agent.slots.watch(SCOPE, agent.clock.now() + HOUR_MS, agent.clock.now() + HOUR_MS)
    return waiting


def waiter(task: Task) -> Waiter:
    return Waiter(id_of(task), task.priority, task.fence, task.deadline, task.not_before, task.due_at or 0)


@pytest.mark.parametrize(
    ("waiting", "chance"),
    [(1, 0.99), (1, 0.2), (1, 0.0), (400, 0.99), (400, 0.2), (400, 0.0), (50_000, 0.99)],
)
def test_a_slot_is_handed_on_with_five_calls(waiting: int, chance: float) -> None:
    agent = OneAgent(limit=1)
    holder = agent.new()
    agent.enter(holder)
    line = line_of(agent, waiting)
    agent.clock.advance(STARVING_MS / 1000)
    ended, points = agent.complete(agent.claim(holder)), Failpoints()
    agent.dice.next = chance

    agent.process(points).leave(ended, ended=True)

    assert agent.sent() == [id_of(line[0])]
    assert of_ports(points).total() <= (6 if chance < 0.125 else 5)
    assert points.calls["store.get"] == 0


def test_the_dead_at_the_head_of_a_line_are_passed_over_at_once() -> None:
    agent = OneAgent(limit=1)
    holder = agent.new()
    agent.enter(holder)
    line_of(agent, 400, deadline=agent.clock.now() + 60_000)
    (alive,) = line_of(agent, 1)
    agent.clock.advance(61)
    ended, points = agent.complete(agent.claim(holder)), Failpoints()

    agent.process(points).leave(ended, ended=True)

    assert agent.sent() == [id_of(alive)]
    assert of_ports(points).total() == 6
    assert points.calls["store.get"] == 0


def test_fifty_slots_given_back_at_once_go_to_fifty_of_a_long_line() -> None:
    agent = OneAgent(limit=50)
    running = [agent.new() for _ in range(50)]
    agent.enter(*running)
    line = line_of(agent, 5_000)
    ended = [agent.complete(agent.claim(task)) for task in running]
    points = [Turns() for _ in ended]
    dice = SeededEntropy(5)
    processes = [
        Process(
            turns,
            partial(replace(agent.process(turns), entropy=SeededEntropy(n)).leave, task, ended=True),
        )
        for n, (turns, task) in enumerate(zip(points, ended, strict=True))
    ]

    run_together(processes, lambda count, _: int(dice.fraction() * count))

    assert len(set(agent.sent())) == len(agent.sent()) == 50
    assert len(agent.holders()) == 50
    assert set(agent.sent()) <= {id_of(task) for task in line[:160]}, "of the first in line"
    calls = sum((of_ports(turns) for turns in points), Counter[str]())
    assert calls["store.grant"] <= REFUSED * 50
    assert calls.total() <= (5 + 1 + REFUSED) * 50


def test_a_task_gets_in_line_with_few_calls_however_long_it_is() -> None:
    agent = OneAgent(limit=1)
    agent.enter(agent.new())
    line_of(agent, 5_000)
    task, points = agent.new(), Failpoints()

    assert not agent.process(points).enter(task)

    assert of_ports(points) == {"slots.state": 2, "slots.wait": 1, "store.reschedule": 1}
    assert agent.store.tasks[task.ref].due_at == task.deadline, "nobody looks at it before"


def test_the_sweeper_looks_at_a_waiting_task_once_with_four_calls() -> None:
    agent = OneAgent(limit=1)
    holder, task = agent.new(), agent.new()
    agent.enter(holder, task)
    points = Failpoints()

    assert agent.process(points).is_waiting(task)

    # and two of its own: to read the task, and to make it due at its deadline
    assert of_ports(points).total() == 1


@pytest.mark.parametrize("number", [0, 99, 100, 4_321])
def test_a_slot_of_thousands_is_found_and_handed_on(number: int) -> None:
    agent = OneAgent(limit=5_000)
    for other in range(5_000):
        if other != number:
            agent.slots.take(SCOPE, other, Holder(f"task {other}", 0, 0), 0)
    task, waiting = agent.new(), agent.new()

    assert agent.enter(task, waiting) == [True, False]
    assert agent.slots.page(SCOPE, number // PAGE)[number].task_id == id_of(task)
    agent.run(task)

    assert agent.slots.page(SCOPE, number // PAGE)[number].task_id == id_of(waiting)
    assert agent.enter(agent.store.tasks[waiting.ref]) == [True]


def test_a_look_at_a_line_is_bounded_and_comes_to_every_slot() -> None:
    agent = OneAgent(limit=1_000)
    for number in range(1_000):
        agent.slots.take(SCOPE, number, Holder(f"deleted {number}", 0, 0), 0)
    line_of(agent, 3_000)
    calls = []
    for _ in range(3):
        points = Failpoints()
        lines = LineWatch(agent.process(points))
        while lines.check(SCOPE):
            pass
        calls.append(of_ports(points).total())
        agent.clock.advance(WATCH_EVERY_MS / 1000)

    assert len(set(agent.sent())) == 1_000
    assert all(count <= 6 * PAGES * PAGE + 200 for count in calls)


def test_one_look_hands_on_so_many_and_then_lets_others_be_looked_at() -> None:
    agent = OneAgent(limit=100)
    line_of(agent, 300)
    points = Failpoints()

    assert LineWatch(agent.process(points)).check(SCOPE)

    assert len(agent.sent()) == GRANTS
    assert of_ports(points).total() <= 6 * GRANTS + 3 + 2 * PAGES


def test_a_line_in_which_nobody_waits_is_forgotten_after_a_while() -> None:
    agent = OneAgent(limit=1)
    holder, waiting = agent.new(), agent.new()
    agent.enter(holder, waiting)
    agent.run(holder, waiting)
    looks = 0
    while agent.slots.watched:
        agent.clock.advance(WATCH_EVERY_MS / 1000)
        for scope in LineWatch(agent.process()).due(9):
            LineWatch(agent.process()).check(scope)
            looks += 1

    assert looks == 10
