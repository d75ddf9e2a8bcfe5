"""Concurrency limits: a number of running tasks per agent, and one per conversation, in order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from zlib import crc32

from a2a_tasks.concurrency.handover import Handover, HandoverResult, ended_by, may_start, name_of
from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.domain.schedule import has_grant
from a2a_tasks.domain.task import ContextRef, Priority, Slot, Task, TaskRef
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.queues import TaskSender
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.slots import FIRSTS, PAGE, Holder, PlaceInLine, Scope, ScopeState, SlotStore, Waiter
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry

LIMIT_CACHE_MS = 10_000
"""For this long a process may use an agent's previous limit after a change."""
WATCHED_MS = 10 * 60_000
"""A line is watched for this long after a task joined it. Renewed at half time, so that few joins cost a
write."""
WATCH_EVERY_MS = 60_000
"""As often as the sweeper runs."""
FREE_TRIES = 3
"""Free slots that are tried before they are read again, since other processes see the same ones."""
PAGE_TRIES = 5
FILLS = 3
"""Free slots that a task joining the line hands to those ahead of it; the sweep of the line does the rest."""


@dataclass(frozen=True)
class Admission:
    """A task holds all slots that it needs."""

    slot: Slot | None
    """The agent's slot, which goes into the claim. None if the agent has no limit."""


@dataclass(frozen=True)
class Slots:
    """Gives slots to tasks.

    Strict: no more tasks than the limit hold a slot. Work-conserving: a freed slot goes to the next in
    line at once, and while tasks wait no newcomer takes one. Without a limit nothing is read or written.

    A waiting task has no message; the process that hands it a slot sends one. Every step is idempotent,
    and the sweep of the line (``LineWatch``) completes what a crash left undone. All methods raise
    ``StoreUnavailable`` and ``QueueUnavailable``; calling again is safe.
    """

    store: SlotStore
    tasks: TaskStore
    queue: TaskSender
    registry: AgentReader
    holders: Holders
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    _limits: dict[str, tuple[int | None, int]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def handover(self) -> Handover:
        """Hands slots to waiting tasks."""
        return Handover(self.store, self.tasks, self.queue, self.clock, self.entropy, self.telemetry)

    def register(self, task: Task) -> None:
        """Give a new task its place in its conversation. Call before it is announced."""
        if task.context_id is not None:
            scope = Scope(task.ref.agent_id, task.context_id)
            self.store.wait(scope, _waiter(scope, task))

    def enter(self, task: Task) -> Admission | None:
        """Take the slots of a claimable task.

        Returns:
            None if a slot is missing: the task is in line and needs no message. Otherwise the claim must
            require the fence of ``task``, because the slot is valid for one claim only.
        """
        slot = task.slot  # given before the limit was removed; it is freed at the task's end
        for scope in _scopes(task):
            limit = self.limit(scope)
            if limit is None:
                continue
            number = self._enter(scope, task, limit)
            if number is None:
                self.telemetry.event("task waits for a slot", task, scope=name_of(scope))
                return None
            if scope.context_id is None:
                slot = Slot(number, task.fence, self.clock.now())
        return Admission(slot)

    def give_up(self, task: Task, admission: Admission, current: Task | None) -> None:
        """Free the slots after the claim of ``task`` was refused, unless the claim that won (``current``)
        uses the same slot."""
        if admission.slot is None:
            return
        used = current.slot if current is not None else None
        if used is not None and used.number == admission.slot.number:
            return
        scope, slot = Scope(task.ref.agent_id), admission.slot
        self.give_back(scope, slot.number, Holder(task.ref.task_id, slot.fence, slot.at), self.line(scope))

    def leave(self, task: Task, *, ended: bool) -> None:
        """Free the agent's slot; with ``ended`` also the conversation's, and any place in line.

        A worker passes the task as it claimed it, so that no slot of a later claim is freed; all others
        pass the task as stored. Not to be called while the task's worker may not have noticed the end.
        """
        for scope in reversed(_scopes(task)):
            if ended or scope.context_id is None:
                self._leave(scope, task, ended)

    def current(self, context: ContextRef) -> TaskRef | None:
        """The task that has its turn in a conversation, from its start to its end."""
        holders = self.store.page(Scope(context.agent_id, context.context_id), 0)
        return next((TaskRef(context.agent_id, holder.task_id) for holder in holders.values()), None)

    def is_waiting(self, task: Task) -> bool:
        """Whether the task is in a watched line. Then a message would be useless, and the task need not be
        swept before its deadline."""
        if has_grant(task):
            return False
        for scope in _scopes(task):
            if self.limit(scope) is None:
                continue
            place = self.store.place(scope, _waiter(scope, task))
            if scope.context_id is not None and place.first_holder is None:
                # the slot is unused: the process that joined the line may have died before sending a message
                continue
            if place.waits and not _has(place, task):
                self._watch(scope, place.watched_until)
                return True
        return False

    def limit(self, scope: Scope) -> int | None:
        """How many may run at a time; None: unlimited."""
        if scope.context_id is not None:
            return 1
        now = self.clock.now()
        limit, until = self._limits.get(scope.agent_id, (0, 0))
        if until <= now:
            agent = self.registry.agent(scope.agent_id)
            # tasks of a deleted agent run one at a time, and fail at once
            limit = agent.max_concurrent_tasks if agent else 1
            self._limits[scope.agent_id] = (limit, now + LIMIT_CACHE_MS)
        return limit

    # -- entering

    def _enter(self, scope: Scope, task: Task, limit: int) -> int | None:
        """Number of the slot that the task holds now, or None."""
        state = self.store.state(scope, limit)
        number = self._own(scope, task, state)
        if number is None and not self._are_others_first(scope, task, state):
            number = self._take(scope, task, limit, state)
        if number is None:
            number = self._get_in_line(scope, task, limit, state)
        elif _is_in(state, task):
            # after the slot is taken: a crash in between leaves a stale entry, which is removed when it is
            # read
            self.store.stop_waiting(scope, _waiter(scope, task))
        return number

    def _own(self, scope: Scope, task: Task, state: ScopeState) -> int | None:
        """A slot that was handed to the task, or that it held in an earlier claim, now under the current
        fence."""
        own = {n: holder for n, holder in state.holders.items() if holder.task_id == task.ref.task_id}
        given = task.slot.number if task.slot is not None and scope.context_id is None else None
        if given is not None and given >= PAGE:
            holder = self.store.page(scope, given // PAGE).get(given)
            own |= {given: holder} if holder and holder.task_id == task.ref.task_id else {}
        if not own:
            return None
        # prefers the slot in the task's record, because the end of the task frees that one
        number = given if given is not None and given in own else min(own)
        if own[number].fence < task.fence:
            holder = self._hold(scope, number, task)
            return number if holder.task_id == task.ref.task_id else None
        return number

    def _are_others_first(self, scope: Scope, task: Task, state: ScopeState) -> bool:
        """Whether a task that can start is ahead in line. In a conversation that is any older task, even
        if its message arrives later."""
        now = self.clock.now()
        first = next((waiter.task_id for waiter in state.waiters if may_start(waiter, now)), None)
        if first is None:
            return not state.is_all
        return first < task.ref.task_id if scope.context_id is not None else first != task.ref.task_id

    def _take(self, scope: Scope, task: Task, limit: int, state: ScopeState) -> int | None:
        """A free slot, taken for the task."""
        for page in _pages(task, limit):
            holders = state.holders if page == 0 else self.store.page(scope, page)
            for _ in range(PAGE_TRIES):
                free = _free(task, page, limit, holders)[:FREE_TRIES]
                for number in free:
                    if self._hold(scope, number, task).task_id == task.ref.task_id:
                        return number
                if not free:
                    break
                holders = self.store.page(scope, page)
        return None

    def _give_to_earlier(self, scope: Scope, task: Task, limit: int, state: ScopeState) -> int | None:
        """Hand a free slot to a task ahead in line. Returns the slot's number if there is none, so that this
        task can take it."""
        for number in _free(task, 0, limit, state.holders)[:1]:
            giver = self.handover.borrow(scope, number)
            if giver is None:
                continue
            given = self.handover.hand_to_next(scope, number, giver, state, before=task.ref.task_id)
            own = Holder(task.ref.task_id, task.fence, self.clock.now())
            if given is HandoverResult.NOBODY and self.store.pass_on(
                scope, number, giver, own, ended_by(task.ref.task_id)
            ):
                return number
        return None

    def _hold(self, scope: Scope, number: int, task: Task) -> Holder:
        """Take the slot if it is free. Returns its holder."""
        holder = Holder(task.ref.task_id, task.fence, self.clock.now())
        return self.store.take(scope, number, holder, ended_by(task.ref.task_id))

    def _get_in_line(self, scope: Scope, task: Task, limit: int, state: ScopeState) -> int | None:
        """Join the line. Returns the number of a slot that became free in this moment and now belongs to
        the task.

        The order closes a race. The line is watched before the task joins it. A process that frees a slot
        looks for waiters afterwards; this method looks for a free slot after joining. One of the two sees the
        other.
        """
        self._watch(scope, state.watched_until)
        if not _is_in(state, task):
            is_long = not state.is_all and scope.context_id is None
            self.store.wait(scope, _waiter(scope, task, relies_on_line=is_long))
            if is_long and task.due_at is not None and task.due_at < task.deadline:
                # only after it is in a watched line, which replaces the sweep of the single task until its
                # deadline
                self.tasks.reschedule(task.ref, task.due_at, task.deadline)
            state = self.store.state(scope, limit)
        for _ in range(FILLS):
            if not self._are_others_first(scope, task, state):
                number = self._take(scope, task, limit, state)
            elif _free(task, 0, limit, state.holders):
                number = self._give_to_earlier(scope, task, limit, state)
            else:
                return None
            if number is not None:
                self.store.stop_waiting(scope, _waiter(scope, task))
                return number
            state = self.store.state(scope, limit)
        return None

    def _watch(self, scope: Scope, watched_until: int) -> None:
        now = self.clock.now()
        if watched_until < now + WATCHED_MS // 2:
            self.store.watch(scope, now + WATCHED_MS, now + WATCH_EVERY_MS)

    # -- leaving

    def _leave(self, scope: Scope, task: Task, ended: bool) -> None:
        limit, below = self.limit(scope), _below(task)
        own = _given(task) if scope.context_id is None else {}
        if not own and limit is None:
            return
        for number, holder in own.items():
            if number < (limit or 0):
                given = self.handover.hand_to_starving(scope, number, holder)
                if given is HandoverResult.DONE:
                    return
        state = self.store.state(scope, limit or PAGE)
        # the page that was read shows the holders of its slots
        own = {n: holder for n, holder in own.items() if n >= PAGE} | {
            number: holder
            for number, holder in state.holders.items()
            if holder.task_id == task.ref.task_id and holder.fence < below
        }
        if ended and (_is_in(state, task) or (not own and not state.is_all)):
            self.store.stop_waiting(scope, _waiter(scope, task))
        for number, holder in own.items():
            self.give_back(scope, number, holder, state)
        if own and state.waiters:  # the limit was raised: each end fills some of the free slots
            for number in _free(task, 0, limit or 0, state.holders)[:1]:
                self.fill(scope, number)

    def give_back(self, scope: Scope, number: int, holder: Holder, state: ScopeState) -> None:
        """Hand a slot to the next task in line; free it if no task waits or it exceeds the limit."""
        is_within, given = number < (self.limit(scope) or 0), HandoverResult.NOBODY
        if is_within and state.waiters:
            given = self.handover.hand_to_next(scope, number, holder, state)
        if given is not HandoverResult.NOBODY:
            return
        # refused if a later claim of the task holds the slot now
        self.store.free(scope, number, holder.task_id, holder.fence + 1)
        if is_within:
            self.fill(scope, number)

    def fill(self, scope: Scope, number: int) -> bool:
        """Hand a free slot to a waiting task. True if more may wait: one may have joined just before the
        slot was free, or while it was borrowed for this, without seeing it."""
        tried: set[str] = set()
        for attempt in range(FILLS):
            line, now = self.line(scope), self.clock.now()
            able = {waiter.task_id for waiter in line.waiters if may_start(waiter, now)}
            is_beyond = number >= (self.limit(scope) or 0)
            if is_beyond or (able <= tried and (line.is_all or attempt > 0)):
                return False
            giver = self.handover.borrow(scope, number)
            if (
                giver is None
                or self.handover.hand_to_next(scope, number, giver, line) is not HandoverResult.NOBODY
            ):
                return True
            self.store.free(scope, number, giver.task_id, giver.fence + 1)
            tried |= able
        return False

    def announce(self, scope: Scope, task: Task) -> None:
        """Announce a task that holds a slot, and remove it from the line."""
        self.handover.announce(scope, _waiter(scope, task), task)

    def line(self, scope: Scope) -> ScopeState:
        """The front of the line, without slots."""
        waiters = self.store.waiting(scope, FIRSTS)
        return ScopeState({}, waiters, len(waiters) < FIRSTS, 0)


def _scopes(task: Task) -> list[Scope]:
    """The task's scopes, the conversation first: a task keeps its turn there while it waits for the agent."""
    agent = Scope(task.ref.agent_id)
    return [agent] if task.context_id is None else [Scope(task.ref.agent_id, task.context_id), agent]


def _waiter(scope: Scope, task: Task, *, relies_on_line: bool = False) -> Waiter:
    """A conversation is ordered by age, whatever the priorities."""
    priority = task.priority if scope.context_id is None else Priority.NORMAL
    due_at = 0 if relies_on_line else task.due_at or 0
    return Waiter(task.ref.task_id, priority, task.fence, task.deadline, task.not_before, due_at)


def _is_in(state: ScopeState, task: Task) -> bool:
    """Whether the task was seen in line under its current fence."""
    return any((waiter.task_id, waiter.fence) == (task.ref.task_id, task.fence) for waiter in state.waiters)


def _has(place: PlaceInLine, task: Task) -> bool:
    """Whether the task holds a conversation's only slot."""
    return place.first_holder is not None and place.first_holder.task_id == task.ref.task_id


def _pages(task: Task, limit: int) -> Iterator[int]:
    """All pages of slots, starting at one that depends on the task."""
    count = -(-limit // PAGE)
    # derived from the id, so that tasks created together start at different pages
    first = crc32(task.ref.task_id.encode()) % count
    return ((first + n) % count for n in range(count))


def _free(task: Task, page: int, limit: int, holders: Mapping[int, Holder]) -> list[int]:
    """Free slot numbers of a page, in an order that depends on the task."""
    numbers = range(page * PAGE, min(limit, (page + 1) * PAGE))
    free = [number for number in numbers if number not in holders]
    at = crc32(task.ref.task_id.encode()) % len(free) if free else 0
    return free[at:] + free[:at]


def _given(task: Task) -> dict[int, Holder]:
    """The agent's slot that the task was last given, with its number, if it is the task's to free."""
    slot = task.slot
    if slot is None or slot.fence >= _below(task):
        return {}
    return {slot.number: Holder(task.ref.task_id, slot.fence, slot.at)}


def _below(task: Task) -> int:
    """Slots under a lower fence are the task's to free. Once it has ended also those under its own fence,
    as no claim can follow."""
    return task.fence + 1 if task.is_terminal else task.fence
