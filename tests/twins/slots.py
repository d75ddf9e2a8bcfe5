"""Slots in memory, each method atomic."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from a2a_tasks.domain.task import Priority
from a2a_tasks.ports.slots import Freed, Holder, Scope, SlotState, Waiter

NOBODY = SlotState({}, 0)
ORDER = list(Priority)


@dataclass
class MemorySlots:
    """``SlotStore``. ``most`` is the highest number of slots of a scope that were ever held at once."""

    states: dict[Scope, SlotState] = field(default_factory=dict)
    lines: dict[Scope, dict[tuple[str, Priority], Waiter]] = field(default_factory=dict)
    most: dict[Scope, int] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def state(self, scope: Scope) -> SlotState:
        with self._lock:
            return self.states.get(scope, NOBODY)

    def take(self, scope: Scope, task_id: str, fence: int, limit: int) -> bool:
        with self._lock:
            state = self.state(scope)
            mine = state.holders.get(task_id)
            if mine is None and (len(state.holders) >= limit or state.arrivals):
                return False
            if mine is None or mine.fence <= fence:
                self._write(scope, {**state.holders, task_id: Holder(fence)}, state.arrivals)
            return True

    def grant(self, scope: Scope, task_id: str, holder: Holder, limit: int) -> bool:
        with self._lock:
            state = self.state(scope)
            if task_id in state.holders or len(state.holders) >= limit:
                return state.holders.get(task_id) == holder
            self._write(scope, {**state.holders, task_id: holder}, state.arrivals)
            return True

    def free(self, scope: Scope, task_id: str, below: int) -> Freed:
        with self._lock:
            state = self.state(scope)
            mine = state.holders.get(task_id)
            if mine is None or mine.fence >= below:
                return Freed(held=False, arrivals=state.arrivals)
            others = {other: holder for other, holder in state.holders.items() if other != task_id}
            self._write(scope, others, state.arrivals)
            return Freed(held=True, arrivals=state.arrivals)

    def wait(self, scope: Scope, waiter: Waiter, until: int) -> None:  # noqa: ARG002  nothing expires here
        with self._lock:
            line = self.lines.setdefault(scope, {})
            there = line.get((waiter.task_id, waiter.priority))
            if there is None or there.fence <= waiter.fence:
                line[waiter.task_id, waiter.priority] = waiter

    def arrive(self, scope: Scope) -> None:
        with self._lock:
            state = self.state(scope)
            self._write(scope, state.holders, state.arrivals + 1)

    def settle(self, scope: Scope, arrivals: int) -> bool:
        with self._lock:
            state = self.state(scope)
            if state.arrivals != arrivals or (scope.context_id is not None and state.holders):
                return False
            self._write(scope, state.holders, 0)
            return True

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        with self._lock:
            line = self.lines.get(scope, {})
            there = line.get((waiter.task_id, waiter.priority))
            if there is not None and there.fence <= waiter.fence:
                del line[waiter.task_id, waiter.priority]

    def is_waiting(self, scope: Scope, waiter: Waiter) -> bool:
        with self._lock:
            return (waiter.task_id, waiter.priority) in self.lines.get(scope, {})

    def waiting(self, scope: Scope, limit: int, priority: Priority | None = None) -> list[Waiter]:
        with self._lock:
            line = [w for w in self.lines.get(scope, {}).values() if priority in (None, w.priority)]
            return sorted(line, key=lambda w: (ORDER.index(w.priority), w.task_id))[:limit]

    def _write(self, scope: Scope, holders: Mapping[str, Holder], arrivals: int) -> None:
        self.states[scope] = SlotState(holders, arrivals)
        self.most[scope] = max(self.most.get(scope, 0), len(holders))
