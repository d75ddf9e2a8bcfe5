"""Slots in memory, each method atomic."""

import threading
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field

from a2a_tasks.domain.task import Priority
from a2a_tasks.ports.slots import FIRSTS, PAGE, Holder, PlaceInLine, Scope, ScopeState, Waiter

ORDER = list(Priority)


@dataclass
class Line:
    """A watched line; times are Unix milliseconds."""

    until: int
    due_at: int


@dataclass
class MemorySlots:
    """``SlotStore``. ``most`` is the highest number of slots of a scope that were ever held at once."""

    held: dict[Scope, dict[int, Holder]] = field(default_factory=dict)
    lines: dict[Scope, dict[tuple[str, Priority], Waiter]] = field(default_factory=dict)
    watched: dict[Scope, Line] = field(default_factory=dict)
    most: dict[Scope, int] = field(default_factory=dict)
    _order: dict[Scope, list[tuple[int, str]]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def holders(self, scope: Scope) -> set[str]:
        """The tasks that have a slot, for tests."""
        with self._lock:
            return {holder.task_id for holder in self.held.get(scope, {}).values()}

    def state(self, scope: Scope, slots: int) -> ScopeState:  # noqa: ARG002  all are at hand here
        with self._lock:
            line = self.waiting(scope, FIRSTS + 1)
            watched = self.watched.get(scope)
            return ScopeState(
                dict(self.page(scope, 0)),
                line[:FIRSTS],
                len(line) <= FIRSTS,
                watched.until if watched else 0,
            )

    def page(self, scope: Scope, number: int) -> Mapping[int, Holder]:
        with self._lock:
            held = self.held.get(scope, {})
            return {n: holder for n, holder in sorted(held.items()) if n // PAGE == number}

    def take(self, scope: Scope, number: int, holder: Holder, until: int) -> Holder:  # noqa: ARG002
        with self._lock:
            there = self.held.get(scope, {}).get(number)
            if there is None or (there.task_id == holder.task_id and there.fence < holder.fence):
                self._hold(scope, number, holder)
                return holder
            return there

    def pass_on(self, scope: Scope, number: int, giver: Holder, taker: Holder, until: int) -> bool:  # noqa: ARG002
        with self._lock:
            there = self.held.get(scope, {}).get(number)
            if there is None or _name(there) not in (_name(giver), _name(taker)):
                return False
            if _name(there) == _name(giver):
                self._hold(scope, number, taker)
            return True

    def free(self, scope: Scope, number: int, task_id: str, below: int) -> bool:
        with self._lock:
            held = self.held.get(scope, {})
            there = held.get(number)
            if there is None or there.task_id != task_id or there.fence >= below:
                return False
            del held[number]
            return True

    def wait(self, scope: Scope, waiter: Waiter) -> None:
        with self._lock:
            line = self.lines.setdefault(scope, {})
            there = line.get((waiter.task_id, waiter.priority))
            if there is None:
                insort(self._order.setdefault(scope, []), _place(waiter))
            if there is None or there.fence <= waiter.fence:
                line[waiter.task_id, waiter.priority] = waiter

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        with self._lock:
            line = self.lines.get(scope, {})
            there = line.get((waiter.task_id, waiter.priority))
            if there is not None and there.fence <= waiter.fence:
                del line[waiter.task_id, waiter.priority]
                order = self._order[scope]
                del order[bisect_left(order, _place(waiter))]

    def place(self, scope: Scope, waiter: Waiter) -> PlaceInLine:
        with self._lock:
            watched = self.watched.get(scope)
            entry = self.lines.get(scope, {}).get((waiter.task_id, waiter.priority))
            return PlaceInLine(
                entry is not None and entry.fence >= waiter.fence,
                watched.until if watched else 0,
                self.held.get(scope, {}).get(0),
            )

    def waiting(
        self, scope: Scope, limit: int, now: int = 0, first: Priority = Priority.HIGH
    ) -> tuple[Waiter, ...]:
        with self._lock:
            order, line = self._order.get(scope, []), self.lines.get(scope, {})
            start = bisect_left(order, (ORDER.index(first), ""))
            found = [line[task_id, ORDER[rank]] for rank, task_id in order[start : start + limit]]
            return tuple(waiter for waiter in found if waiter.deadline > now)

    def watch(self, scope: Scope, until: int, due_at: int) -> None:
        with self._lock:
            there = self.watched.get(scope)
            self.watched[scope] = Line(until, there.due_at if there else due_at)

    def due_lines(self, now: int, limit: int) -> list[Scope]:
        with self._lock:
            due = [(line.due_at, scope) for scope, line in self.watched.items() if line.due_at <= now]
            return [scope for _, scope in sorted(due, key=lambda entry: entry[0])][:limit]

    def reschedule(self, scope: Scope, seen_until: int, until: int, due_at: int) -> bool:
        with self._lock:
            if self.watched.get(scope, Line(-1, 0)).until != seen_until:
                return False
            self.watched[scope] = Line(until, due_at)
            return True

    def forget_line(self, scope: Scope, seen_until: int) -> bool:
        with self._lock:
            if self.watched.get(scope, Line(-1, 0)).until != seen_until:
                return False
            del self.watched[scope]
            return True

    def _hold(self, scope: Scope, number: int, holder: Holder) -> None:
        held = self.held.setdefault(scope, {})
        held[number] = holder
        self.most[scope] = max(self.most.get(scope, 0), len(held))


def _place(waiter: Waiter) -> tuple[int, str]:
    return ORDER.index(waiter.priority), waiter.task_id


def _name(holder: Holder) -> tuple[str, int]:
    return holder.task_id, holder.fence
