"""Handing a slot from its holder to the next task in line that can use it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, islice, takewhile
from threading import Event

from a2a_tasks.domain.ids import created_ms
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS, claimable, due_after_release
from a2a_tasks.domain.task import Priority, Slot, Status, Task, TaskRef
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.queues import TaskSender
from a2a_tasks.ports.slots import Holder, Scope, ScopeState, SlotStore, Waiter
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry

OLDEST_FIRST = 0.25
"""Share of grants that prefer lower priorities, to prevent starvation: half to the oldest task of normal
priority, half to the oldest of low."""
STARVING_MS = 60_000
"""Tasks younger than this always let higher priorities go first."""
STARVING_READ = 5
"""The oldest task that can start is chosen from this many."""
FEW = 3
MANY = 500
"""If the first in line cannot use a slot, this many are read to find one that can."""
TRIES = 20
"""After this many tasks that could not use a slot it is freed; the sweep of the line continues."""


class HandoverResult(Enum):
    """Result of handing over a slot."""

    DONE = "done"  # the next in line holds it
    NOBODY = "nobody"  # no task can use it; the giver still holds it
    LOST = "lost"  # the giver no longer held it


@dataclass(frozen=True)
class Handover:
    """Hands over slots in five calls, however long the line is.

    The front of the line was read before. A task is chosen by a write on its own item, which only one of
    several givers can make; the slot changes hands by one write; the task's message is sent; the task
    leaves the line. A crash in between leaves either a slot that its giver still holds, which the sweep of
    the line finds, or a slot whose new holder has no message, which that task's due time covers.

    All methods raise ``StoreUnavailable`` and ``QueueUnavailable``; calling again is safe.
    """

    store: SlotStore
    tasks: TaskStore
    queue: TaskSender
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    called: Event = field(default_factory=Event, compare=False)
    """Set when this process has announced a task after giving it a slot."""

    def hand_to_starving(self, scope: Scope, number: int, giver: Holder) -> HandoverResult:
        """In one of four grants, hand an agent's slot to a task that has waited long behind higher
        priorities."""
        chance = self.entropy.fraction()
        if scope.context_id is not None or chance >= OLDEST_FIRST:
            return HandoverResult.NOBODY
        first = Priority.LOW if chance < OLDEST_FIRST / 2 else Priority.NORMAL
        long_ago = self.clock.now() - STARVING_MS
        waiters = self.store.waiting(scope, STARVING_READ, self.clock.now(), first)
        starving = [waiter for waiter in waiters if created_ms(waiter.task_id) <= long_ago]
        return self._hand_to_one_of(scope, number, giver, starving)

    def hand_to_next(
        self, scope: Scope, number: int, giver: Holder, state: ScopeState, *, before: str | None = None
    ) -> HandoverResult:
        """Hand over a slot that ``giver`` holds; with ``before`` only to tasks ahead of that one."""
        return self._hand_to_one_of(scope, number, giver, self._in_order(scope, state, giver, before))

    def borrow(self, scope: Scope, number: int) -> Holder | None:
        """Take a free slot without a task, in order to hand it over. None if it is taken."""
        now = self.clock.now()
        # random, so that the borrower recognizes its own write after a lost response
        nobody = Holder("", int.from_bytes(self.entropy.bytes(6)), now)
        there = self.store.take(scope, number, nobody, now)
        return nobody if there == nobody else None

    def announce(self, scope: Scope, waiter: Waiter, task: Task) -> None:
        """Announce a task that has got a slot, and only then remove it from the line."""
        # sent first: a crash in between leaves a stale entry in the line, which is removed when it is chosen.
        # In the other order the task could have neither a message nor a place in line.
        self.queue.send(task, has_slot=True)
        self.called.set()
        self.store.stop_waiting(scope, waiter)
        self.telemetry.event("waiting task announced", task, scope=name_of(scope))

    def choose(self, scope: Scope, waiter: Waiter, slot: Slot | None) -> Task | None:
        """The waiting task, if it can use a slot and no other process has just chosen it. A task that
        cannot leaves the line."""
        if scope.context_id is not None:
            return self._choose_of_conversation(scope, waiter)
        now, ref = self.clock.now(), TaskRef(scope.agent_id, waiter.task_id)
        due_at = due_after_release(now, waiter.deadline) if waiter.due_at <= now else None
        # a conditional write on the task's item: only one of several givers succeeds
        result = self.tasks.grant(ref, waiter.fence, now, slot, due_at)
        if isinstance(result, Written):
            return result.task
        if not self._can_start(waiter, result.current):
            self.store.stop_waiting(scope, waiter)
        return None

    def _choose_of_conversation(self, scope: Scope, waiter: Waiter) -> Task | None:
        """No grant is written: a conversation has one slot, so no other process can choose the task."""
        now = self.clock.now()
        task = self.tasks.get(TaskRef(scope.agent_id, waiter.task_id))
        if task is None or not self._can_start(waiter, task):
            self.store.stop_waiting(scope, waiter)
            return None
        if waiter.due_at <= now:
            self.tasks.reschedule(task.ref, task.due_at or 0, due_after_release(now, task.deadline))
        return task

    def _can_start(self, waiter: Waiter, task: Task | None) -> bool:
        is_waiting = task is not None and task.status is Status.PENDING and task.fence == waiter.fence
        return is_waiting and task is not None and claimable(task, self.clock.now())

    def _hand_to_one_of(
        self, scope: Scope, number: int, giver: Holder, waiters: Iterable[Waiter]
    ) -> HandoverResult:
        for waiter in islice(waiters, TRIES):
            now = self.clock.now()
            slot = Slot(number, waiter.fence, now)
            # the task's record is written before the slot, so that only one giver chooses the task. A crash
            # in between leaves the slot with its giver, and the grant expires after GRANT_MS.
            task = self.choose(scope, waiter, slot)
            if task is None:
                continue
            taker = Holder(waiter.task_id, waiter.fence, now)
            # False if the giver has lost the slot
            if self.store.pass_on(scope, number, giver, taker, ended_by(waiter.task_id)):
                self.announce(scope, waiter, task)
                return HandoverResult.DONE
            if scope.context_id is None:
                # withdrawn at once: the task could not be granted another slot until the grant expires
                self.tasks.withdraw(task.ref, slot)
            return HandoverResult.LOST
        return HandoverResult.NOBODY

    def _in_order(
        self, scope: Scope, state: ScopeState, giver: Holder, before: str | None
    ) -> Iterator[Waiter]:
        """The first waiter, then the others of its priority in random order, since concurrent givers see
        the same line. Conversations are strictly ordered."""
        seen = {giver.task_id}
        more = (self._read_more(scope, state) for _ in range(1) if not state.is_all)
        for page in chain([state.waiters], more):
            earlier = list(takewhile(lambda waiter: waiter.task_id != before, page))
            able = [waiter for waiter in earlier if self._may_start(waiter) and waiter.task_id not in seen]
            seen |= {waiter.task_id for waiter in page}
            if scope.context_id is None:
                is_first_page = page is state.waiters
                able = able[:1] + self._shuffled(able[1:]) if is_first_page else self._shuffled(able)
                if is_first_page and not state.is_all:
                    # if all of these are taken, many givers are active, and they serve the others
                    able = able[:FEW]
            yield from able
            if len(earlier) < len(page):
                return

    def _read_more(self, scope: Scope, state: ScopeState) -> tuple[Waiter, ...]:
        is_busy = any(self._may_start(waiter) for waiter in state.waiters)
        return self.store.waiting(scope, MANY // 5 if is_busy else MANY, self.clock.now())

    def _shuffled(self, waiters: list[Waiter]) -> list[Waiter]:
        order = list(Priority)
        return sorted(waiters, key=lambda waiter: (order.index(waiter.priority), self.entropy.fraction()))

    def _may_start(self, waiter: Waiter) -> bool:
        return may_start(waiter, self.clock.now())


def may_start(waiter: Waiter, now: int) -> bool:
    """Whether the waiter can start, judging by its entry in the line."""
    return waiter.not_before <= now < waiter.deadline


def ended_by(task_id: str) -> int:
    """When a task has certainly ended (Unix milliseconds)."""
    return created_ms(task_id) + LONGEST_LIFE_MS


def name_of(scope: Scope) -> str:
    """The scope's name for logs."""
    return "agent" if scope.context_id is None else "context"
