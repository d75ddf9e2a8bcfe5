"""Sweep of one shard, page by page, with one step per task."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from a2a_tasks.domain.task import Task, TaskRef
from a2a_tasks.maintenance.due_tasks import DueTasks
from a2a_tasks.maintenance.sweep_report import SweepAction, Tally
from a2a_tasks.ports.blocking import TimeLeft, WorkStep
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.tasks import DueEntry, TaskStore
from a2a_tasks.ports.telemetry import Telemetry

PAGE = 50
"""Due tasks per page, read in one batch."""


@dataclass(frozen=True)
class ShardSweep:
    """Sweeps one shard. Pages are continued after the last entry, so tasks that cannot be settled do not
    block the ones behind them."""

    shard: int
    is_ours: Callable[[list[DueEntry], DueEntry | None], bool]
    """Whether this process handles a page, given the page and the last entry before it."""
    time_left: TimeLeft
    tally: Tally
    store: TaskStore
    due_tasks: DueTasks
    clock: Clock
    telemetry: Telemetry

    def page(self, after: DueEntry | None = None) -> list[WorkStep]:
        """Steps for the tasks of a page, and for the next page."""
        if not self.time_left():
            self.tally.leave_unfinished(self.shard)
            return []
        try:
            page = self.store.due(self.shard, self.clock.now(), PAGE, after)
            # called for an empty page too: it takes a helper's lease, and records that nothing is due
            if not self.is_ours(page, after) or not page:
                return []
            tasks = self._read([due.ref for due in page])
        except StoreUnavailable as error:
            self._broke_off(error)
            return []
        looks: list[WorkStep] = [partial(self._check, due.ref, tasks) for due in page]
        # continues after the last entry: tasks that cannot be settled would otherwise fill every page
        return [*looks, partial(self.page, page[-1])] if len(page) == PAGE else looks

    def _read(self, refs: list[TaskRef]) -> dict[TaskRef, Task] | None:
        """The page's tasks, read in one batch. None if one of them is malformed: then each is read alone,
        so that it does not affect the others."""
        try:
            return {task.ref: task for task in self.store.get_all(refs)}
        except StoreUnavailable:
            raise
        except Exception as error:  # such as an item written by a later release
            self.telemetry.problem("page of due tasks not read", shard=self.shard, error=error)
            return None

    def _check(self, ref: TaskRef, tasks: dict[TaskRef, Task] | None) -> list[WorkStep]:
        if not self.time_left():
            self.tally.leave_unfinished(self.shard)
            return []
        try:
            task = self.store.get(ref) if tasks is None else tasks.get(ref)
            self.tally.count_task(self.due_tasks.check(task) if task else SweepAction.NOTHING)
        except (StoreUnavailable, QueueUnavailable) as error:
            self.tally.count_task(SweepAction.FAILED)
            self.telemetry.problem("task not swept", task_id=ref.task_id, reason=str(error))
        except Exception as error:  # one task must not affect the others
            self.tally.count_task(SweepAction.FAILED)
            self.telemetry.problem("task not swept", task_id=ref.task_id, error=error)
        return []

    def _broke_off(self, error: StoreUnavailable) -> None:
        self.tally.count_actions(SweepAction.FAILED)
        self.tally.leave_unfinished(self.shard)
        self.telemetry.problem("shard not swept", shard=self.shard, reason=str(error))
