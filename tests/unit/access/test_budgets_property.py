"""Budgets bind: the day has all that was bought, whatever crashes, is canceled, cut off or out of time."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.pricing.bill import Bill, ModelCall
from a2a_tasks.domain.task import Budget, Lane, Task
from a2a_tasks.domain.usage import own_usage
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, ModelReply
from tests.twins.batch_lane import BatchLane
from tests.twins.billing import BillingModel, tokens
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Crash, Failpoints
from tests.twins.model import Asked, Partly, after, answer, uses

pytestmark = pytest.mark.slow

PLENTY = 10**9
ONE_TURN = 15
"""Tokens of an answer of the model's; beyond a budget it may be so much, since nothing shortens it."""


def plan_of(kind: str, world: "World") -> Any:
    """What the model does in a turn of this kind."""
    clock = world.deployment.clock
    match kind:
        case "tool":
            return lambda prefix: uses(("Glob", {"pattern": "*"}), prefix=prefix)
        case "children":
            calls = [("call_agent", {"agent": "helper", "message": world.new_message()}) for _ in range(2)]
            return lambda prefix: uses(*calls, prefix=prefix)
        case "slow":
            return lambda _: after(clock, 40, answer())
        case "late":
            return lambda _: after(clock, 100_000, answer())
        case "overloaded":
            return lambda _: ModelBusy("Overloaded.")
        case "silent":
            return lambda _: ModelBusy("The model fell silent.", may_be_billed=True)
        case "cut":
            usage = Bill((ModelCall(10, 2),))
            return lambda _: Partly("So f", ModelBusy("Cut off.", used=usage, may_be_billed=True), usage)
        case _:
            return lambda _: answer()


KINDS = ("tool", "children", "slow", "late", "overloaded", "silent", "cut", "answer")


@dataclass
class World:
    """A deployment whose model keeps its own account. ``doubts`` are the moments after which the day may have
    more than was bought: deaths, and answers of the counter that were lost."""

    limit: int = PLENTY
    wasted: float = 1.0
    doubts: int = 0
    messages: int = 0
    tasks: list[Task] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = BillingModel(wasted=self.wasted)
        self.deployment = Deployment(model=self.model)
        self.lane = BatchLane(self.deployment)
        self.lane.api.end = self._end_batches  # type: ignore[method-assign]
        self.deployment.registry.apply(agent(allowed_tools=("Glob", "call_agent"), max_concurrent_tasks=50))
        self.deployment.registry.apply(agent("helper"))
        self.deployment.registry.apply(agent("single"))
        self.deployment.registry.put_project(
            ProjectSettings("demo", daily_tokens=self.limit, callable_agents=frozenset({"helper"}))
        )
        self.model.watchers.append(self._check)

    @property
    def counted(self) -> int:
        return sum(usage.tokens for usage in self.deployment.spend.by_day.values())

    @property
    def bought(self) -> int:
        return self.model.billed.total() + sum(self.lane_billed.values())

    def new_message(self) -> str:
        self.messages += 1
        return f"Message {self.messages}."

    def submit(self, kinds: list[str], **changes: Any) -> None:
        message = self.new_message()
        self.model.plan(message, *(plan_of(kind, self) for kind in kinds))
        with suppress(RequestRefused):
            self.tasks.append(self.deployment.submit(message, **changes))

    def act(self, step: Callable[[Failpoints], object], points: Failpoints) -> None:
        with suppress(Crash, StoreUnavailable):
            step(points)
        self.doubts += points.dead

    def run_out(self) -> None:
        """Go on until every task has ended and every message is gone, also one that was invisible by a worker
        which died at once, and once more: for an hour and a half at most."""
        for _ in range(60):
            was_over = self._is_over()
            self.deployment.clock.advance(100)
            self.deployment.sweep()
            self.deployment.work()
            self.lane.api.end()
            self.lane.work()
            if was_over:
                break
        assert self._is_over()

    def _is_over(self) -> bool:
        tasks, batches = self.deployment.store.tasks.values(), self.lane.api.batches
        is_idle = not self.deployment.queue.messages and not self.deployment.batches.open
        return (
            is_idle
            and all(task.is_terminal for task in tasks)
            and all(batch.ended is not None for batch in batches)
        )

    def _check(self, asked: Asked) -> None:
        if self.counted >= self.limit:
            self.late.append(asked.message)

    lane_billed: Counter[str] = field(default_factory=Counter)

    def _end_batches(self) -> None:
        before = [batch.api_id for batch in self.lane.api.batches if batch.ended is not None]
        type(self.lane.api).end(self.lane.api)
        for batch in self.lane.api.batches:
            if batch.api_id not in before:
                for outcome in (batch.ended or {}).values():
                    if isinstance(outcome, ModelReply):
                        self.lane_billed[batch.api_id] += tokens(outcome.usage)


faults = st.one_of(
    st.none(),
    st.tuples(st.just("crash"), st.integers(1, 45), st.booleans()),
    st.tuples(st.just("counter"), st.integers(1, 4), st.booleans()),
)
plans = st.lists(st.sampled_from(KINDS), max_size=4)
submissions = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), plans, st.sampled_from([None, 40, 1_500])),
        st.tuples(st.just("batch"), st.integers(1, 3), st.none()),
    ),
    min_size=1,
    max_size=4,
)
events = st.lists(
    st.one_of(
        st.tuples(st.just("work"), faults, st.sampled_from([50.0, 900.0])),
        st.tuples(st.just("work"), faults, st.sampled_from([50.0, 900.0])),
        st.tuples(st.just("collect"), faults, st.none()),
        st.tuples(st.just("end"), st.none(), st.none()),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1, 46, 61, 301]), st.none()),
    ),
    max_size=10,
)
steps = st.tuples(submissions, events).map(lambda parts: parts[0] + parts[1])


def points_of(fault: tuple[str, int, bool] | None) -> Failpoints:
    points = Failpoints()
    match fault:
        case ("crash", call, is_after):
            points.crash_at, points.crash_after = call, is_after
        case ("counter", call, is_after):
            points.fail("spend.add_spend", StoreUnavailable("Throttled."), call=call, after=is_after)
    return points


def play(world: World, step: tuple[str, Any, Any]) -> None:
    deployment = world.deployment
    match step:
        case ("submit", kinds, budget):
            world.submit(kinds, budget=Budget(tokens=budget))
        case ("batch", count, _):
            for _ in range(count):
                world.submit([], agent_id="single", lane=Lane.BATCH, timeout_ms=600_000)
        case ("work", fault, seconds):
            world.doubts += fault is not None and fault[0] == "counter" and fault[2]
            world.act(lambda points: deployment.work(points, seconds), points_of(fault))
        case ("collect", fault, _):
            world.doubts += fault is not None and fault[0] == "counter" and fault[2]
            deployment.clock.advance(61)
            world.act(world.lane.work, points_of(fault))
        case ("end", _, _):
            world.lane.api.end()
        case ("cancel", number, _) if world.tasks:
            task = world.tasks[number % len(world.tasks)]
            with suppress(RequestRefused):
                deployment.tasks().cancel("demo", task.ref.agent_id, task.ref.task_id)
        case ("wait", seconds, _):
            deployment.clock.advance(seconds)
            deployment.sweep()


@given(steps, st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=80, deadline=None)
def test_the_day_has_all_that_was_bought(actions: list[tuple[str, Any, Any]], wasted: float) -> None:
    world = World(wasted=wasted)
    for step in actions:
        play(world, step)
    world.run_out()
    assert world.counted >= world.bought
    if not world.doubts and not world.model.untold:
        assert world.counted == world.bought, "nothing is estimated where all was told"
    if not world.doubts:
        assert world.counted == sum(
            own_usage(task.spent).tokens for task in world.deployment.store.tasks.values()
        )


@given(steps, st.integers(1, 3_000))
@settings(max_examples=40, deadline=None)
def test_no_turn_begins_once_the_day_is_used_up(actions: list[tuple[str, Any, Any]], limit: int) -> None:
    """So what is spent beyond the limit was in flight when it was reached."""
    world = World(limit=limit)
    for step in actions:
        play(world, step)
    world.run_out()
    assert world.late == []
    assert world.counted >= world.bought


@given(steps, st.integers(20, 3_000))
@settings(max_examples=40, deadline=None)
def test_a_tree_of_tasks_stays_within_its_roots_budget(
    actions: list[tuple[str, Any, Any]], limit: int
) -> None:
    world = World()
    for step in actions:
        play(world, step if step[0] != "submit" else ("submit", step[1], limit))
    world.run_out()
    for root in world.tasks:
        tree = [task for task in world.deployment.store.tasks.values() if root_of(world, task) == root.ref]
        bought = sum(world.model.billed[message_of(task)] for task in tree)
        if root.lane is Lane.STANDARD:
            assert bought <= limit + ONE_TURN * len(tree)


def root_of(world: World, task: Task) -> Any:
    while task.parent is not None:
        task = world.deployment.store.tasks[task.parent.ref]
    return task.ref


def message_of(task: Task) -> str:
    return str(json.loads(task.input.inline or "{}")["message"])
