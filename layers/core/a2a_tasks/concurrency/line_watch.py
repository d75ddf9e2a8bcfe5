"""The sweep of waiting lines: completes what crashed processes left undone, so that waiting tasks need no
sweep of their own."""

from collections.abc import Mapping
from dataclasses import dataclass

from a2a_tasks.concurrency.slots import WATCH_EVERY_MS, WATCHED_MS, Slots
from a2a_tasks.domain.schedule import claimable, due_after_release
from a2a_tasks.domain.task import Status, Task, TaskRef
from a2a_tasks.ports.slots import PAGE, Holder, Scope, ScopeState

PAGES = 4
"""Pages of slots per look; later looks take other pages."""
GRANTS = 50
"""Slots handed over per look. If there are more, the line is due again at once."""
BORROWED_MS = 60_000
"""A slot borrowed longer ago is free: the process that borrowed it is dead."""


@dataclass(frozen=True)
class LineWatch:
    """Sweeps lines. One pass takes at most ``3 + 2 * PAGES`` calls, plus one per task that was ended by
    another process, plus five per slot handed over. Safe to run concurrently. All methods raise
    ``StoreUnavailable`` and ``QueueUnavailable``."""

    slots: Slots

    def due(self, limit: int) -> list[Scope]:
        """Up to ``limit`` lines that are due."""
        return self.slots.store.due_lines(self.slots.clock.now(), limit)

    def check(self, scope: Scope) -> bool:
        """Hand over unused slots, and schedule the next look while tasks wait. True if there is more to
        hand over."""
        slots, now = self.slots, self.slots.clock.now()
        limit = slots.limit(scope)
        state = slots.store.state(scope, PAGE if limit is None else limit)
        if not state.waiters and state.is_all:
            # conditioned on the time read: a joining task extends the watch before it enters the line
            if state.watched_until > now:
                slots.store.reschedule(scope, state.watched_until, state.watched_until, now + WATCH_EVERY_MS)
            else:
                slots.store.forget_line(scope, state.watched_until)
            return False
        is_done = self._start_all(scope) if limit is None else self._fill(scope, limit, state)
        # refused if a task has joined since the line was read: the line stays due for the next sweep
        later = now + (WATCH_EVERY_MS if is_done else 0)
        slots.store.reschedule(scope, state.watched_until, now + WATCHED_MS, later)
        return not is_done

    def _start_all(self, scope: Scope) -> bool:
        """Start all waiting tasks after the limit was removed. True if the line is empty."""
        waiters = self.slots.store.waiting(scope, GRANTS)
        for waiter in waiters:
            task = self.slots.handover.choose(scope, waiter, None)
            if task is not None:
                self.slots.handover.announce(scope, waiter, task)
        return len(waiters) < GRANTS

    def _fill(self, scope: Scope, limit: int, state: ScopeState) -> bool:
        """Hand over the unused slots of some pages. True if there are no more."""
        self._drop_expired(scope, state)
        count, left = -(-limit // PAGE), GRANTS
        first = self.slots.clock.now() // WATCH_EVERY_MS * PAGES % count
        for page in sorted({(first + n) % count for n in range(min(PAGES, count))}):
            holders = state.holders if page == 0 else self.slots.store.page(scope, page)
            for number, holder in self._unused(scope, holders).items():
                self.slots.give_back(scope, number, holder, self.slots.line(scope))
                left -= 1
            for number in range(page * PAGE, min(limit, (page + 1) * PAGE)):
                if left <= 0:
                    return False
                if number not in holders:
                    if not self.slots.fill(scope, number):
                        return True
                    left -= 1
        return left > 0

    def _drop_expired(self, scope: Scope, state: ScopeState) -> None:
        """Remove waiters whose deadline has passed and that did not leave the line when they ended."""
        long_ago = self.slots.clock.now() - WATCH_EVERY_MS
        for waiter in state.waiters:
            if waiter.deadline < long_ago:
                self.slots.store.stop_waiting(scope, waiter)

    def _unused(self, scope: Scope, holders: Mapping[int, Holder]) -> dict[int, Holder]:
        """Slots that were not freed because a process died."""
        ids = sorted({holder.task_id for holder in holders.values() if holder.task_id})
        found = self.slots.tasks.get_all([TaskRef(scope.agent_id, task_id) for task_id in ids]) if ids else []
        tasks = {task.ref.task_id: task for task in found}
        for holder in holders.values():
            if holder.task_id in tasks:
                self._announce_again(scope, holder, tasks[holder.task_id])
        return {
            number: holder
            for number, holder in holders.items()
            if self._is_unused(scope, number, holder, tasks.get(holder.task_id))
        }

    def _announce_again(self, scope: Scope, holder: Holder, task: Task) -> None:
        """Announce a task that has a slot but whose message is lost."""
        now = self.slots.clock.now()
        is_late = holder.at < now - WATCH_EVERY_MS and (task.due_at or 0) > now + WATCH_EVERY_MS
        if task.status is Status.PENDING and holder.fence == task.fence and is_late and claimable(task, now):
            # due soon in case this message is lost too
            self.slots.tasks.reschedule(task.ref, task.due_at or 0, due_after_release(now, task.deadline))
            self.slots.announce(scope, task)

    def _is_unused(self, scope: Scope, number: int, holder: Holder, task: Task | None) -> bool:
        if not holder.task_id:
            return holder.at < self.slots.clock.now() - BORROWED_MS
        # its retention is over, so it ended long ago
        if task is None:
            return True
        if task.is_terminal:  # and its worker has noticed, or is dead
            return self.slots.holders.lease(task) is None
        # a conversation's slot is held from the start of a task to its end; an agent's slot is valid for the
        # current or next claim
        if scope.context_id is not None or holder.fence >= task.fence:
            return False
        is_early = bool(task.awaits) or task.not_before > self.slots.clock.now()
        is_idle = task.status is Status.INPUT_REQUIRED or (task.status is Status.PENDING and is_early)
        has_other = task.slot is not None and task.slot.number != number
        return is_idle or has_other or task.slot is None
