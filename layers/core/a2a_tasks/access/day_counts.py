"""Counting tasks against their project's day.

A task's own record is the truth: what it has used (``spent``), and what of that the day has (``counted``).
What is missing is added to the day after the record is written, and then noted in the record. So a counter
that does not answer costs no turn, and whoever has the task next adds what is missing: another worker, or,
after its end, whoever gets its message again. A crash between adding and noting counts once more; too much is
taken back only after that was noted. So the day may have too much after a crash, and too little for a while,
but not for good.
"""

from dataclasses import dataclass
from decimal import Decimal

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.usage import Spent, Usage, as_used, own, released
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry

NOTHING = Usage(cost_usd=Decimal(0))


@dataclass(frozen=True)
class DayCount:
    """Never raises ``StoreUnavailable``: what could not be counted is counted with the next turn."""

    store: TaskStore
    budgets: DailyBudgets
    telemetry: Telemetry

    def baseline(self, task: Task, spent: tuple[Spent, ...]) -> Usage | None:
        """What of the task its day is taken to have, if it is to count: a project's budget counts from when
        it is set. Raises ``StoreUnavailable``."""
        if task.counted is not None or not self.budgets.settings(task.project_id).has_budget:
            return task.counted
        return own(as_used(spent))

    def add(self, task: Task, spent: tuple[Spent, ...], counted: Usage | None) -> Usage | None:
        """Count what was bought since ``counted``, but for a turn under way; what the day has now. What is
        less than before is taken back when nobody holds the task any more."""
        if counted is None:
            return None
        more, _ = _difference(own(released(spent)), counted)
        return _plus(counted, more) if self._add(task, more) else counted

    def owes(self, task: Task) -> bool:
        """Whether the day is not known to have all of an ended task."""
        return task.counted is not None and own(as_used(task.spent)) != task.counted

    def settle(self, task: Task, counted: Usage | None = None) -> bool:
        """Count all of a task that nobody holds any more, and note it; ``counted`` is what the day has
        already, where that is more than the record says. False if that must be done again."""
        if task.counted is None:
            return True
        used, known = own(as_used(task.spent)), counted or task.counted
        more, less = _difference(used, known)
        is_counted = self._add(task, more)
        if not is_counted:
            used, less = known, NOTHING
        try:
            if used != task.counted and self.store.note_counted(task.ref, task.counted, used):
                self._add(task, less)
        except StoreUnavailable as error:
            self.telemetry.problem("count not noted; it will be made again", task, reason=str(error))
            return False
        return is_counted

    def _add(self, task: Task, usage: Usage) -> bool:
        """Whether the day has it."""
        try:
            if usage != NOTHING:
                self.budgets.count(task.project_id, usage, task.ref.task_id)
        except StoreUnavailable as error:
            self.telemetry.problem("spending not counted yet", task, reason=str(error))
            return False
        return True


def _plus(left: Usage, right: Usage) -> Usage:
    return Usage(left.tokens + right.tokens, cost_usd=(left.cost_usd or 0) + (right.cost_usd or Decimal(0)))


def _difference(used: Usage, known: Usage) -> tuple[Usage, Usage]:
    """What is to be added, and what is to be taken back."""
    tokens, cost = used.tokens - known.tokens, (used.cost_usd or 0) - (known.cost_usd or Decimal(0))
    more = Usage(max(tokens, 0), cost_usd=max(cost, Decimal(0)))
    return more, Usage(min(tokens, 0), cost_usd=min(cost, Decimal(0)))
