"""Counts the usage of tasks against their project's day, and that of a user with a limit of their own.

A task's own item is the truth: its usage (``spent``), and how much of that the day counts (``counted``).
The difference is added to the day after the item is written, and then recorded in the item. So an
unavailable counter costs no turn: the next process that handles the task adds the difference, either another
worker or, after the end, the receiver of its message. A crash between adding and recording adds twice; a
correction downwards is made only after it was recorded, and not at all if the SDK repeats that write. The day
may therefore be too high after a crash or a lost response, and too low only temporarily.
"""

from dataclasses import dataclass
from decimal import Decimal

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.usage import NOTHING, Spent, Usage, as_used, own_usage, released
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry


@dataclass(frozen=True)
class DayCount:
    """Counts tasks. Except for ``baseline`` it never raises ``StoreUnavailable``: what cannot be counted
    now is counted with the next turn."""

    store: TaskStore
    budgets: DailyBudgets
    telemetry: Telemetry

    def baseline(self, task: Task, spent: tuple[Spent, ...]) -> Usage | None:
        """What of the task counts as known to its day, or None if it is not to be counted. A budget counts
        from when it is set. Raises ``StoreUnavailable``."""
        if task.counted is not None or not self.budgets.settings(task.project_id).has_budget:
            return task.counted
        return own_usage(as_used(spent))

    def add(self, task: Task, spent: tuple[Spent, ...], counted: Usage | None) -> Usage | None:
        """Count usage since ``counted``, except for a turn in progress. Returns what the day counts now.
        Corrections downwards wait until no worker holds the task."""
        if counted is None:
            return None
        more, _ = _difference(own_usage(released(spent)), counted)
        # otherwise the difference stays open, and is added with the next turn or when the task is settled
        return counted + more if self._add(task, more) else counted

    def owes(self, task: Task) -> bool:
        """Whether usage of an ended task may not be counted completely."""
        return task.counted is not None and own_usage(as_used(task.spent)) != task.counted

    def settle(self, task: Task, counted: Usage | None = None) -> bool:
        """Count all usage of a task that no worker holds any more, and record that. ``counted`` is what the
        day counts if that is more than recorded. False if it must be repeated."""
        if task.counted is None:
            return True
        used, known = own_usage(as_used(task.spent)), counted or task.counted
        more, less = _difference(used, known)
        is_counted = self._add(task, more)
        if not is_counted:
            # records only what the day certainly includes; the rest stays open
            used, less = known, NOTHING
        try:
            # conditioned on the count read, so that only one of two concurrent writers corrects downwards
            if used != task.counted and self.store.note_counted(task.ref, task.counted, used):
                self._add(task, less)
        except StoreUnavailable as error:
            self.telemetry.problem(
                "counted usage not recorded; it will be counted again", task, reason=str(error)
            )
            return False
        return is_counted

    def _add(self, task: Task, usage: Usage) -> bool:
        """Whether the day counts it."""
        try:
            if usage != NOTHING:
                self._count(task, usage)
        except StoreUnavailable as error:
            self.telemetry.problem("usage not counted yet", task, reason=str(error))
            return False
        return True

    def _count(self, task: Task, usage: Usage) -> None:
        if task.spender is None or self.budgets.settings(task.project_id).has_budget:
            self.budgets.count(task.project_id, usage, task.ref.task_id)
        if task.spender is not None:
            self.budgets.count(task.spender, usage, task.ref.task_id)


def _difference(used: Usage, known: Usage) -> tuple[Usage, Usage]:
    """What to add, and what to subtract."""
    tokens, cost = used.tokens - known.tokens, (used.cost_usd or 0) - (known.cost_usd or Decimal(0))
    more = Usage(max(tokens, 0), cost_usd=max(cost, Decimal(0)))
    return more, Usage(min(tokens, 0), cost_usd=min(cost, Decimal(0)))
