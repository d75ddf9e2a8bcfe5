"""Many tasks and processes that die, freeze and race: the limit holds at every step, and every task ends.

At every step: no slot is held beyond the limit (or, when that was lowered, none that was not held before);
every task whose worker lives holds its slots. At every claim: a conversation is in order. At rest, and
without faults: no slot is free while somebody waits for it. At last: all tasks have ended.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.line_watch import LineWatch
from a2a_tasks.concurrency.slots import LIMIT_CACHE_MS, Admission, Slots
from a2a_tasks.domain.guards import guard_of_cancel, guard_of_worker
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.schedule import claimable
from a2a_tasks.domain.task import Priority, Question, Status, Task, TaskRef
from a2a_tasks.ports.errors import QueueUnavailable
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.ports.slots import Scope
from a2a_tasks.ports.tasks import Claim, InputRequest, Refused, Release, TaskStore, Written
from a2a_tasks.ports.workers.leases import Workers
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.interleaving import Process, Turns
from tests.twins.one_agent import AGENT, HOUR_MS, LEASE_MS, SCOPE, OneAgent, id_of, outcome
from tests.twins.queue import MemoryQueue

pytestmark = pytest.mark.slow

TASKS = 30
STEPS = 2_500
STEP_SECONDS = 0.3
CONTEXTS = [None, None, "a", "b"]
CALLS = 30
"""A process dies at one of its first so many calls, if it is to die."""
FREEZE_MS = 2 * LEASE_MS
PAUSE_MS = 60_000
"""From reading a limit to the last call that relies on it, a process that is not frozen takes less: up to
twenty calls, in turns with a dozen others."""
SWEEP_SECONDS = 60
RECOVERY_SECONDS = 30 * 60


@dataclass
class Worker:
    """One process with ports of its own."""

    agent: OneAgent
    turns: Turns
    dice: random.Random
    slots: Slots = field(init=False)
    workers: Workers = field(init=False)
    store: TaskStore = field(init=False)
    queue: MemoryQueue = field(init=False)

    def __post_init__(self) -> None:
        self.slots = self.agent.process(self.turns)
        self.workers = self.turns.wrap("workers", self.agent.workers)
        self.holders = Holders(self.workers, self.agent.clock)
        self.worker_id = self.new_id()
        self.store = self.turns.wrap("store", self.agent.store)
        self.queue = self.turns.wrap("queue", self.agent.queue)

    def new_id(self) -> str:
        return self.dice.randbytes(8).hex()

    def deliver(self, delivery: Delivery) -> None:
        assert delivery.ref is not None
        task = self.store.get(delivery.ref)
        is_running = task is not None and task.status is Status.RUNNING
        if task is not None and is_running and self.holders.take(task, delivery.message_id) is not None:
            return
        if task is None or not claimable(task, self.agent.clock.now()):
            self._not_claimable(task, delivery)
        elif (admission := self.slots.enter(task)) is None:
            self.queue.delete(delivery)
        else:
            self._claim(task, admission, delivery)

    def _claim(self, task: Task, admission: Admission, delivery: Delivery) -> None:
        self.workers.open(self.lease())
        now, claim_id = self.agent.clock.now(), self.new_id()
        from_whom = task.held_by if task.status is Status.RUNNING else None
        claim = Claim(
            *(claim_id, now, self.worker_id, task.fence, delivery.message_id),
            taken_from=from_whom,
            slot=admission.slot,
        )
        result = self.store.claim(task.ref, claim)
        if isinstance(result, Written):
            self._work(result.task, delivery)
        else:
            self.slots.give_up(task, admission, result.current)

    def lease(self) -> Lease:
        return Lease(self.worker_id, self.agent.clock.now() + LEASE_MS)

    def _not_claimable(self, task: Task | None, delivery: Delivery) -> None:
        if task is not None and task.is_terminal and self.holders.lease(task) is None:
            self.slots.leave(task, ended=True)
        self.queue.delete(delivery)

    def _work(self, task: Task, delivery: Delivery) -> None:
        for _ in range(self.dice.randint(1, 6)):
            self.turns.wait_for_turn()
            notes = self.workers.renew(self.lease())
            if notes is None:
                return None  # broken: others have the task
            if notes.concern(id_of(task)):
                return self._stop(task, Refused(self.store.get(task.ref)), delivery)
            self._change_visibility(delivery, LEASE_MS // 1000)
        end = self.dice.choice(
            [self._complete, self._complete, self._retry, self._ask, self._await, self._hand_over]
        )
        return end(task, delivery)

    def _change_visibility(self, delivery: Delivery, seconds: int) -> None:
        with suppress(QueueUnavailable):  # it is visible again, or somebody else has it
            self.queue.change_visibility([delivery], seconds)

    def _stop(self, task: Task, refused: Refused, delivery: Delivery) -> None:
        if refused.current is not None and refused.current.is_terminal:
            self.store.add_partial_output(task.ref, task.fence, None, ())
            self.slots.leave(task, ended=True)
            self.queue.delete(delivery)

    def _complete(self, task: Task, delivery: Delivery) -> None:
        end = outcome(Status.COMPLETED, self.agent.clock.now(), self.new_id())
        result = self.store.finish(task.ref, end, guard_of_worker(task.fence))
        if isinstance(result, Refused):
            return self._stop(task, result, delivery)
        self.slots.leave(result.task, ended=True)
        return self.queue.delete(delivery)

    def _retry(self, task: Task, delivery: Delivery) -> None:
        seconds = self.dice.randint(1, 40)
        if self._release(task, delivery, seconds):
            self.slots.leave(task, ended=False)
            self._change_visibility(delivery, seconds)

    def _await(self, task: Task, delivery: Delivery) -> None:
        if self._release(task, delivery, 0, (TaskRef(AGENT, "child"),)):
            self.slots.leave(task, ended=False)
            self.queue.delete(delivery)

    def _hand_over(self, task: Task, delivery: Delivery) -> None:
        if self._release(task, delivery, 0):
            self.queue.send(task)
            self.queue.delete(delivery)

    def _release(
        self, task: Task, delivery: Delivery, seconds: int, awaits: tuple[TaskRef, ...] = ()
    ) -> bool:
        now = self.agent.clock.now()
        release = Release(now, now + seconds * 1000, now + 30_000, (), keeps_attempt=True, awaits=awaits)
        result = self.store.release(task.ref, task.fence, release)
        if isinstance(result, Refused):
            self._stop(task, result, delivery)
        return isinstance(result, Written)

    def _ask(self, task: Task, delivery: Delivery) -> None:
        now = self.agent.clock.now()
        pause = InputRequest(now, Question("call", "Which?"), now + 10 * HOUR_MS, 10 * HOUR_MS)
        result = self.store.request_input(task.ref, task.fence, pause)
        if isinstance(result, Refused):
            return self._stop(task, result, delivery)
        self.slots.leave(task, ended=False)
        return self.queue.delete(delivery)

    def cancel(self, ref: TaskRef) -> None:
        now = self.agent.clock.now()
        result = self.store.finish(ref, outcome(Status.CANCELED, now, self.new_id()), guard_of_cancel(now))
        if isinstance(result, Written) and not self.holders.notify(result.task):
            self.slots.leave(result.task, ended=True)

    def go_on(self, ref: TaskRef) -> None:
        """The answer, or the end of what the task waits for."""
        task, now = self.store.get(ref), self.agent.clock.now()
        if task is None:
            return
        asking = task.status is Status.INPUT_REQUIRED
        result = self.store.resume(ref, "call", now) if asking else self.store.wake(ref, task.fence, now)
        if isinstance(result, Written):
            self.queue.send(result.task)

    def sweep(self) -> None:
        """What the sweeper does about lines, and about tasks that nobody has in hand."""
        lines = LineWatch(self.slots)
        for scope in lines.due(100):
            lines.check(scope)
        for ref in list(self.agent.store.tasks):
            task, now = self.store.get(ref), self.agent.clock.now()
            if task is None or not claimable(task, now):
                continue
            if task.status is Status.RUNNING:
                if self.holders.take(task) is None:
                    self.queue.send(task)
            elif task.due_at is not None and task.due_at <= now:
                later = task.deadline if self.slots.is_waiting(task) else now + SWEEP_SECONDS * 1000
                if self.store.reschedule(ref, task.due_at, later) and later < task.deadline:
                    self.queue.send(task)


@dataclass
class Life:
    """Chance decides who is next, who dies and what happens; ``faults`` is how likely each fault is."""

    dice: random.Random
    faults: float
    agent: OneAgent = field(default_factory=lambda: OneAgent(limit=3))
    processes: list[Process] = field(default_factory=list)
    frozen: dict[Process, int] = field(default_factory=dict)
    limits: dict[int, int] = field(default_factory=dict)
    held: dict[Scope, dict[int, str]] = field(default_factory=dict)
    changes_seen: int = 0
    swept_at: int = 0

    def __post_init__(self) -> None:
        self.agent.queue.visibility_seconds = LEASE_MS // 1000
        self.agent.queue.max_receives = 10**6
        self.agent.entropy = SeededEntropy(self.dice.randint(0, 10**6))
        self.set_limit(3)

    @property
    def tasks(self) -> list[Task]:
        return list(self.agent.store.tasks.values())

    def set_limit(self, limit: int) -> None:
        self.agent.allow(limit)
        self.limits[self.agent.clock.now()] = limit

    def start(self, act: Callable[[Worker], object]) -> None:
        dies = self.dice.random() < self.faults
        turns = Turns(
            crash_at=self.dice.randint(1, CALLS) if dies else None, crash_after=self.dice.random() < 0.5
        )
        worker = Worker(self.agent, turns, self.dice)
        self.processes.append(Process(turns, lambda: act(worker)))

    def submit(self) -> None:
        priority = self.dice.choice(list(Priority))
        task = self.agent.new(context_id=self.dice.choice(CONTEXTS), priority=priority)
        self.agent.process().register(task)
        if self.dice.random() >= self.faults:
            self.agent.queue.send(task)

    def receive(self) -> bool:
        if not (delivered := self.agent.queue.receive(1)):
            return False
        self.start(lambda worker: worker.deliver(delivered[0]))
        return True

    def sweep(self) -> None:
        if self.agent.clock.now() >= self.swept_at + SWEEP_SECONDS * 1000:
            self.swept_at = self.agent.clock.now()
            self.start(Worker.sweep)

    def step(self) -> None:
        """One call of one process that is not frozen, and some time."""
        self.agent.clock.advance(self.dice.random() * STEP_SECONDS)
        now = self.agent.clock.now()
        able = [process for process in self.processes if self.frozen.get(process, 0) <= now]
        if not able:
            return
        process = self.dice.choice(able)
        process.step()
        if process.is_over:
            self.processes.remove(process)
        elif self.dice.random() < self.faults / 30:
            self.frozen[process] = now + FREEZE_MS
        self.check()

    def happen(self) -> None:
        """Something from outside."""
        waiting = [t for t in self.tasks if t.status is Status.INPUT_REQUIRED or t.awaits]
        if len(self.tasks) < TASKS and self.dice.random() < 0.08:
            self.submit()
        if len(self.processes) < 12 and self.dice.random() < 0.5:
            self.receive()
        if waiting and self.dice.random() < 0.05:
            ref = self.dice.choice(waiting).ref
            self.start(lambda worker: worker.go_on(ref))
        if self.faults and self.tasks and self.dice.random() < 0.01:
            canceled = self.dice.choice(self.tasks).ref
            self.start(lambda worker: worker.cancel(canceled))
        if self.faults and self.dice.random() < 0.003:
            self.set_limit(self.dice.randint(1, 4))
        self.sweep()

    def check(self) -> None:
        now = self.agent.clock.now()
        limit = max(self.limits_in_use())
        for scope, held in self.agent.slots.held.items():
            allowed, before = limit if scope == SCOPE else 1, self.held.get(scope, {})
            tasks = {number: holder.task_id for number, holder in held.items()}
            assert all(number < allowed or before.get(number) == task for number, task in tasks.items())
            self.held[scope] = tasks
        for task in self.tasks:
            lease = self.agent.workers.lease(task.held_by) if task.held_by else None
            if lease is not None and lease.covers(task) and now < lease.until:
                assert task.slot is not None
                assert self.held[SCOPE][task.slot.number] == id_of(task)
                assert task.context_id is None or id_of(task) in self.agent.holders(
                    Scope(AGENT, task.context_id)
                )
        self.check_order()

    def limits_in_use(self) -> list[int]:
        """A process may have read a limit from its cache just before it froze."""
        oldest = self.agent.clock.now() - LIMIT_CACHE_MS - FREEZE_MS - PAUSE_MS
        replaced_at = [*list(self.limits)[1:], 2**60]
        return [limit for limit, at in zip(self.limits.values(), replaced_at, strict=True) if at > oldest]

    def check_order(self) -> None:
        """When a task of a conversation is claimed, all earlier ones have ended."""
        new = self.agent.store.changes[self.changes_seen :]
        self.changes_seen += len(new)
        for change in new:
            task = change.after
            if change.method == "claim" and task.context_id is not None:
                earlier = [
                    t for t in self.tasks if t.context_id == task.context_id and id_of(t) < id_of(task)
                ]
                assert all(t.is_terminal for t in earlier)

    def check_rest(self) -> None:
        """Nothing is going on, so nobody may wait who could go on."""
        now = self.agent.clock.now()
        for scope in list(self.agent.slots.held):
            holders = self.agent.holders(scope)
            waiting = [
                TaskRef(AGENT, task_id) for task_id in self.agent.line(scope) if task_id not in holders
            ]
            usable = [ref for ref in waiting if claimable(self.agent.store.tasks[ref], now)]
            assert not usable or len(holders) >= ((self.agent.limit or 0) if scope == SCOPE else 1)

    def recover(self) -> None:
        """Nothing goes wrong any more, and everything that was started ends."""
        had_faults, self.faults = bool(self.faults), 0.0
        started = self.agent.clock.now()
        while not all(task.is_terminal for task in self.tasks):
            assert self.agent.clock.now() - started < RECOVERY_SECONDS * 1000
            while len(self.processes) < 12 and self.receive():
                pass
            if self.processes:
                self.step()
                continue
            if not had_faults:
                self.check_rest()
            for task in self.tasks:
                if task.status is Status.INPUT_REQUIRED or task.awaits:
                    self.start(lambda worker, ref=task.ref: worker.go_on(ref))  # type: ignore[misc]
            self.sweep()
            self.agent.clock.advance(5)
        while self.processes:
            self.step()


def live(seed: int, faults: float) -> Life:
    life = Life(random.Random(seed), faults)  # noqa: S311  chance that repeats itself
    for _ in range(STEPS):
        life.happen()
        life.step()
    life.recover()
    return life


@pytest.mark.parametrize("seed", range(12))
def test_whatever_dies_the_limit_holds_and_every_task_ends(seed: int) -> None:
    life = live(seed, faults=0.25)

    assert len(life.tasks) == TASKS
    strangers = {task_id for task_id in life.agent.line() if task_id not in life.agent.holders()}
    assert all(life.agent.store.tasks[TaskRef(AGENT, task_id)].is_terminal for task_id in strangers)


@pytest.mark.parametrize("seed", range(3))
def test_without_faults_no_slot_is_idle_and_nothing_is_left_behind(seed: int) -> None:
    life = live(seed, faults=0)

    assert len(life.tasks) == TASKS
    assert not any(life.agent.slots.held.values())
    assert not any(life.agent.slots.lines.values())
