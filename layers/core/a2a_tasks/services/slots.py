"""Concurrency: so many tasks of an agent at a time, and one of a conversation, in order."""

from collections.abc import Collection
from dataclasses import dataclass, field

from a2a_tasks.domain.ids import created_ms
from a2a_tasks.domain.task import (
    ContextRef,
    Priority,
    Status,
    Task,
    TaskRef,
    claimable,
)
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.queue import TaskSender
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.slots import Holder, Scope, SlotStore, Waiter
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services.holders import Holders

LIMIT_CACHE_MS = 10_000
"""How long an agent's old limit may still count after a change."""
OLDEST_FIRST = 0.25
"""The share of grants that ignores priority, so that nobody waits for ever behind those who come later."""
PATIENCE_MS = 60_000
"""Until it is so old a task lets every one of a higher priority go first."""
WAITERS_PER_QUERY = 5


@dataclass(frozen=True)
class Slots:
    """Strict: never more than the limit hold a slot. Work-conserving: a slot that is given back goes to the
    next in line at once, and while anybody waits, nobody who comes later takes one.

    A task that waits has no message; the one that grants its slot sends it. Every step can be repeated, and
    ``refill`` finishes what a crash left undone. All methods raise ``StoreUnavailable`` and
    ``QueueUnavailable``; calling again is then always right.
    """

    store: SlotStore
    tasks: TaskStore
    queue: TaskSender
    registry: AgentReader
    holders: Holders
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    _limits: dict[str, tuple[int, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def register(self, task: Task) -> None:
        """Give a new task its place in its conversation, before it is announced."""
        if task.context_id is not None:
            scope = Scope(task.ref.agent_id, task.context_id)
            self.store.wait(scope, _waiter(scope, task), task.deadline)

    def enter(self, task: Task) -> bool:
        """Whether a claimable task has all its slots now. If not it waits in line, and needs no message.

        The claim that follows must require the fence of ``task``: a slot is given for one claim.
        """
        return all(self._enter(scope, task) for scope in _scopes(task))

    def leave(self, task: Task, *, ended: bool) -> None:
        """Give back the agent's slot, and with ``ended`` the conversation's and any place in line.

        A worker passes the task as it claimed it, and frees no slot that a later claim uses; anybody else
        passes the task as it stands. Not to be called for a task whose worker may not have noticed the end.
        """
        for scope in reversed(_scopes(task)):
            if ended or scope.context_id is None:
                self._leave(scope, task, ended)

    def current(self, context: ContextRef) -> TaskRef | None:
        """The task whose turn it is in a conversation, from its start to its end."""
        holders = self.store.state(Scope(context.agent_id, context.context_id)).holders
        return next((TaskRef(context.agent_id, task_id) for task_id in holders), None)

    def is_waiting(self, task: Task) -> bool:
        """The task is in line, so that a message would only send it there again."""
        return any(
            self.store.is_waiting(scope, _waiter(scope, task))
            and task.ref.task_id not in self.store.state(scope).holders
            for scope in _scopes(task)
        )

    def refill(self, task: Task) -> None:
        """The safety net of a waiting task: free what the holders of its scopes do not use, and grant it."""
        for scope in _scopes(task):
            if self.store.is_waiting(scope, _waiter(scope, task)):
                self.store.arrive(scope)  # it may have died between getting in line and saying so
            self._evict(scope)
            self._fill(scope, task)

    def _enter(self, scope: Scope, task: Task) -> bool:
        waiter = _waiter(scope, task)
        if not self._is_behind(scope, task) and self._take(scope, task):
            if scope.context_id is not None:
                self.store.stop_waiting(scope, waiter)
            return True
        # in line first, then the arrival: whoever frees a slot without seeing the first has not counted the
        # second either, and has then freed it before this fills what is free
        self.store.wait(scope, waiter, task.deadline)
        self.store.arrive(scope)
        self._fill(scope, task, is_here=True)
        if self._take(scope, task):
            return True
        self.telemetry.event("task waits for a slot", task, scope=_name(scope))
        return False

    def _is_behind(self, scope: Scope, task: Task) -> bool:
        """In a conversation an earlier task goes first, also if its message comes later."""
        first = self.store.waiting(scope, 1) if scope.context_id is not None else []
        return bool(first) and first[0].task_id < task.ref.task_id

    def _take(self, scope: Scope, task: Task) -> bool:
        return self.store.take(scope, task.ref.task_id, task.fence, self._limit(scope))

    def _leave(self, scope: Scope, task: Task, ended: bool) -> None:
        freed = self.store.free(scope, task.ref.task_id, _below(task))
        if ended and not freed.held and (freed.arrivals or scope.context_id is not None):
            self.store.stop_waiting(scope, _waiter(scope, task))
        if freed.arrivals:
            self._fill(scope, task)

    def _fill(self, scope: Scope, cause: Task, *, is_here: bool = False) -> None:
        """Grant what is free to those in line, in the name of ``cause``, which needs no message if here."""
        name = cause.ref.task_id
        state = self.store.state(scope)
        for task_id, holder in state.holders.items():
            if holder.granted_by == name and (granted := self.tasks.get(TaskRef(scope.agent_id, task_id))):
                self._call(scope, granted)  # an earlier try may have died before it sent the message
        while len(state.holders) < self._limit(scope):
            task = self._next(scope, state.holders.keys())
            if task is None:
                if not state.arrivals or self.store.settle(scope, state.arrivals):
                    return
            elif self.store.grant(scope, task.ref.task_id, Holder(task.fence, name), self._limit(scope)):
                if is_here and task.ref == cause.ref:
                    self.store.stop_waiting(scope, _waiter(scope, task))
                else:
                    self._call(scope, task)
            state = self.store.state(scope)

    def _call(self, scope: Scope, task: Task) -> None:
        """Tell a task that it has a slot; only then is it out of the line."""
        self.queue.send(task, has_slot=True)
        self.store.stop_waiting(scope, _waiter(scope, task))
        self.telemetry.event("waiting task called", task, scope=_name(scope))

    def _next(self, scope: Scope, holders: Collection[str]) -> Task | None:
        """The next in line who can use a slot; whoever cannot leaves the line.

        Nobody is lost by that: a task that may not start yet has a message when it may, and holds up nothing
        in its conversation until then.
        """
        waiters = self._longest_waiting(scope) or self.store.waiting(scope, WAITERS_PER_QUERY)
        while waiters:
            for waiter in waiters:
                if waiter.task_id not in holders:
                    task = self.tasks.get(TaskRef(scope.agent_id, waiter.task_id))
                    if task and task.status is Status.PENDING and claimable(task, self.clock.now()):
                        return task
                self.store.stop_waiting(scope, waiter)
            waiters = self.store.waiting(scope, WAITERS_PER_QUERY)
        return None

    def _longest_waiting(self, scope: Scope) -> list[Waiter]:
        """In one grant of four, the oldest of an agent's tasks whatever its priority, if it waited long."""
        if scope.context_id is not None or self.entropy.fraction() >= OLDEST_FIRST:
            return []
        firsts = [waiter for priority in Priority for waiter in self.store.waiting(scope, 1, priority)]
        long_ago = self.clock.now() - PATIENCE_MS
        patient = [waiter for waiter in firsts if created_ms(waiter.task_id) <= long_ago]
        return sorted(patient, key=lambda waiter: waiter.task_id)[:1]

    def _evict(self, scope: Scope) -> None:
        """Take back slots that nobody uses, of tasks whose last process died before it gave them back."""
        for task_id, holder in self.store.state(scope).holders.items():
            task = self.tasks.get(TaskRef(scope.agent_id, task_id))
            if task is None:
                self.store.free(scope, task_id, holder.fence + 1)
            elif self._is_over(task) or (scope.context_id is None and self._is_idle(task)):
                self.store.free(scope, task_id, _below(task))

    def _is_over(self, task: Task) -> bool:
        """Ended, and its worker has noticed, or is dead."""
        return task.is_terminal and self.holders.lease(task) is None

    def _is_idle(self, task: Task) -> bool:
        """It waits for something else than a worker."""
        is_early = bool(task.awaits) or task.not_before > self.clock.now()
        return task.status is Status.INPUT_REQUIRED or (task.status is Status.PENDING and is_early)

    def _limit(self, scope: Scope) -> int:
        if scope.context_id is not None:
            return 1
        now = self.clock.now()
        limit, until = self._limits.get(scope.agent_id, (0, 0))
        if until <= now:
            agent = self.registry.agent(scope.agent_id)
            # tasks of an agent that is gone fail as soon as they run: one after the other
            limit = agent.max_concurrent_tasks if agent else 1
            self._limits[scope.agent_id] = (limit, now + LIMIT_CACHE_MS)
        return limit


def _scopes(task: Task) -> list[Scope]:
    """The conversation first: a task keeps its turn there while it waits for the agent."""
    agent = Scope(task.ref.agent_id)
    return [agent] if task.context_id is None else [Scope(task.ref.agent_id, task.context_id), agent]


def _waiter(scope: Scope, task: Task) -> Waiter:
    """A conversation is in order of age, whatever the priority of what is asked in it."""
    priority = task.priority if scope.context_id is None else Priority.NORMAL
    return Waiter(task.ref.task_id, priority, task.fence)


def _below(task: Task) -> int:
    """Slots under a lower fence are the task's to give back. Once it has ended, also those under its own: no
    claim can follow."""
    return task.fence + 1 if task.is_terminal else task.fence


def _name(scope: Scope) -> str:
    return "agent" if scope.context_id is None else "context"
