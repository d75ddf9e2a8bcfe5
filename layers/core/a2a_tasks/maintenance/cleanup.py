"""Delete what nobody may read any more, where the table's TTL and the bucket's lifecycle would come late."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from a2a_tasks.domain.ids import SHARDS, oldest_task_id
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.blocking import AtOnce, Step, TimeLeft
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import PayloadCleaner
from a2a_tasks.ports.tasks import ContextStore, TaskStore
from a2a_tasks.ports.telemetry import Telemetry

PAGE = 50


@dataclass
class CleanupReport:
    """What one clean-up did: ``tasks`` that somebody has deleted, and ``leftovers``, tasks whose retention is
    over, or that were never created, and that had payloads. ``finished`` is False if time ran out or
    something could not be deleted."""

    tasks: int = 0
    leftovers: int = 0
    payloads: int = 0
    errors: int = 0
    finished: bool = True


class _Pass:
    """A clean-up under way. Thread-safe."""

    def __init__(self, time_left: TimeLeft) -> None:
        self.report = CleanupReport()
        self.time_left = time_left
        self._lock = threading.Lock()

    def count(self, *, tasks: int = 0, leftovers: int = 0, payloads: int = 0) -> None:
        with self._lock:
            self.report.tasks += tasks
            self.report.leftovers += leftovers
            self.report.payloads += payloads

    def leave_unfinished(self, errors: int = 0) -> None:
        with self._lock:
            self.report.errors += errors
            self.report.finished = False


@dataclass(frozen=True)
class Cleaner:
    """Nothing depends on it: every item has a time to live, every object ends by the bucket's lifecycle, and
    readers see neither. Payloads, and a task's place in its conversation, go before the record that leads
    there, so that a crash leaves nothing unfindable."""

    store: TaskStore
    contexts: ContextStore
    payloads: PayloadCleaner
    at_once: AtOnce
    clock: Clock
    telemetry: Telemetry
    retention_ms: int

    def clean(self, time_left: TimeLeft) -> CleanupReport:
        """One pass, while ``time_left()``; what is left over is found again by the next."""
        run = _Pass(time_left)
        steps: list[Step] = [partial(self._forgotten, shard, run) for shard in range(SHARDS)]
        self.at_once([*steps, partial(self._leftovers, "", run)], time_left)
        self.telemetry.count("TasksCleanedUp", run.report.tasks + run.report.leftovers)
        return run.report

    def _forgotten(self, shard: int, run: _Pass) -> list[Step]:
        """A page of the tasks of a shard that somebody has deleted; with what has gone, the next one holds
        others."""
        page = self._tried(run, lambda: self.store.forgotten(shard, self.clock.now(), PAGE)) or []
        gone = [self._tried(run, partial(self._delete, task, run)) for task in page]
        return [partial(self._forgotten, shard, run)] if any(gone) else []

    def _delete(self, task: Task, run: _Pass) -> bool:
        if not task.is_terminal:  # an end is final, so one that was read is enough
            run.leave_unfinished(errors=1)
            self.telemetry.problem("live task not cleaned up", task)
            return False
        payloads = self.payloads.delete_all(task.ref.task_id)
        if task.context is not None:
            self.contexts.remove(task.context, task.ref.task_id)
        self.store.delete(task.ref)
        run.count(tasks=1, payloads=payloads)
        return True

    def _leftovers(self, after: str, run: _Pass) -> list[Step]:
        """A page of the tasks in the bucket that may be past their retention, and the page after it."""
        before = oldest_task_id(self.clock.now() - self.retention_ms)
        page = self._tried(run, lambda: self.payloads.task_ids(after, before, PAGE)) or []
        steps: list[Step] = [partial(self._leftover, task_id, run) for task_id in page]
        return [*steps, partial(self._leftovers, page[-1], run)] if page else []

    def _leftover(self, task_id: str, run: _Pass) -> list[Step]:
        self._tried(run, lambda: self._delete_leftover(task_id, run))
        return []

    def _delete_leftover(self, task_id: str, run: _Pass) -> None:
        if self.store.remembers(task_id):
            return
        payloads = self.payloads.delete_all(task_id)
        self.store.delete_owned(task_id)
        run.count(leftovers=1, payloads=payloads)

    def _tried[T](self, run: _Pass, work: Callable[[], T]) -> T | None:
        """One piece of work, if there is time; its failure is counted and leaves the others alone."""
        if not run.time_left():
            run.leave_unfinished()
            return None
        try:
            return work()
        except (StoreUnavailable, PayloadUnavailable) as error:
            run.leave_unfinished(errors=1)
            self.telemetry.problem("clean-up step failed", reason=str(error))
            return None
