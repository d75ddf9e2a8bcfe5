"""Deletion of expired data, earlier than the table's TTL and the bucket's lifecycle rules would do it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from a2a_tasks.domain.ids import SHARDS, oldest_task_id
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.blocking import RunParallel, TimeLeft, WorkStep
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import PayloadCleaner
from a2a_tasks.ports.tasks import ContextStore, TaskStore
from a2a_tasks.ports.telemetry import Telemetry

PAGE = 50


@dataclass
class CleanupReport:
    """What one run did."""

    tasks: int = 0
    """Tasks deleted because a caller had them deleted."""
    leftovers: int = 0
    """Tasks with payloads whose retention is over, or that were never created."""
    payloads: int = 0
    """Payloads deleted."""
    errors: int = 0
    finished: bool = True
    """False if time ran out or something could not be deleted."""


class _Pass:
    """State of a run. Thread-safe."""

    def __init__(self, time_left: TimeLeft) -> None:
        self.report = CleanupReport()
        self.time_left = time_left
        self._lock = threading.Lock()

    def count(self, *, tasks: int = 0, leftovers: int = 0, payloads: int = 0) -> None:
        """Add to the report."""
        with self._lock:
            self.report.tasks += tasks
            self.report.leftovers += leftovers
            self.report.payloads += payloads

    def leave_unfinished(self, errors: int = 0) -> None:
        """Note that something is left for the next run."""
        with self._lock:
            self.report.errors += errors
            self.report.finished = False


@dataclass(frozen=True)
class Cleaner:
    """Deletes data whose retention is over.

    Correctness does not depend on it: items have a time to live, objects a lifecycle rule, and readers
    ignore both once expired. The data by which the rest is found is deleted last, so that a crash leaves
    nothing unreachable: the item of a deleted task, or the payloads of a task without an item.
    """

    store: TaskStore
    contexts: ContextStore
    payloads: PayloadCleaner
    run_parallel: RunParallel
    clock: Clock
    telemetry: Telemetry
    retention_ms: int

    def clean(self, time_left: TimeLeft) -> CleanupReport:
        """One run, while ``time_left()``. The next run finds what is left."""
        run = _Pass(time_left)
        steps: list[WorkStep] = [partial(self._delete_page, shard, run) for shard in range(SHARDS)]
        self.run_parallel([*steps, partial(self._leftovers, "", run)], time_left)
        self.telemetry.count("TasksCleanedUp", run.report.tasks + run.report.leftovers)
        return run.report

    def _delete_page(self, shard: int, run: _Pass) -> list[WorkStep]:
        """A page of tasks in a shard that callers had deleted. Once they are deleted, the same query returns
        the next page."""
        page = self._tried(run, lambda: self.store.past_retention(shard, self.clock.now(), PAGE)) or []
        gone = [self._tried(run, partial(self._delete, task, run)) for task in page]
        # nothing was deleted: the query would return the same page forever
        return [partial(self._delete_page, shard, run)] if any(gone) else []

    def _delete(self, task: Task, run: _Pass) -> bool:
        if not task.is_terminal:  # terminal states are final, so a stale read is good enough
            run.leave_unfinished(errors=1)
            self.telemetry.problem("live task left out of clean-up", task)
            return False
        payloads = self.payloads.delete_all(task.ref.task_id)
        if task.context is not None:
            self.contexts.remove(task.context, task.ref.task_id)
        # deleted last: after a crash the next run finds the task by it and continues
        self.store.delete(task.ref)
        run.count(tasks=1, payloads=payloads)
        return True

    def _leftovers(self, after: str, run: _Pass) -> list[WorkStep]:
        """A page of tasks in the bucket that may be past their retention, and the next page."""
        # ids contain the creation time, and a younger task cannot be past its retention
        before = oldest_task_id(self.clock.now() - self.retention_ms)
        page = self._tried(run, lambda: self.payloads.task_ids(after, before, PAGE)) or []
        steps: list[WorkStep] = [partial(self._leftover, task_id, run) for task_id in page]
        # continues after this page in any case, so that tasks that cannot be deleted do not block the others
        return [*steps, partial(self._leftovers, page[-1], run)] if page else []

    def _leftover(self, task_id: str, run: _Pass) -> list[WorkStep]:
        self._tried(run, lambda: self._delete_leftover(task_id, run))
        return []

    def _delete_leftover(self, task_id: str, run: _Pass) -> None:
        # still live or readable
        if self.store.is_retained(task_id):
            return
        self.store.delete_owned(task_id)
        # deleted last: after a crash the next run finds the task by them
        payloads = self.payloads.delete_all(task_id)
        run.count(leftovers=1, payloads=payloads)

    def _tried[T](self, run: _Pass, work: Callable[[], T]) -> T | None:
        """Do ``work`` if there is time. An error is counted and does not affect other work."""
        if not run.time_left():
            run.leave_unfinished()
            return None
        try:
            return work()
        except (StoreUnavailable, PayloadUnavailable) as error:
            run.leave_unfinished(errors=1)
            self.telemetry.problem("clean-up step failed", reason=str(error))
            return None
