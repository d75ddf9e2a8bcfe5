"""Delete what is past its retention: ended tasks with everything they own, and orphaned payloads."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from a2a_tasks.domain.ids import SHARDS, oldest_task_id
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.contexts import ContextStore
from a2a_tasks.ports.faults import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import PayloadCleaner
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.ports.telemetry import Telemetry

PAGE = 50


@dataclass
class CleanupReport:
    """What one clean-up did. ``finished`` is False if time ran out or something could not be deleted."""

    tasks: int = 0
    payloads: int = 0
    orphans: int = 0
    errors: int = 0
    finished: bool = True


@dataclass(frozen=True)
class Cleaner:
    """Payloads, and a task's place in its conversation, go before the record that names them, so that a crash
    leaves nothing unfindable.

    ``orphan_after_ms`` is the longest that a task may live and be retained: payloads of older tasks belong
    to a task that was never created, or whose record is gone.
    """

    store: TaskStore
    contexts: ContextStore
    payloads: PayloadCleaner
    clock: Clock
    telemetry: Telemetry
    orphan_after_ms: int

    def clean(self, time_left: Callable[[], bool]) -> CleanupReport:
        """One pass, while ``time_left()``; what is left over is found again by the next."""
        report = CleanupReport()
        for shard in range(SHARDS):
            self._guarded(report, partial(self._clean_shard, shard, report, time_left))
        self._guarded(report, partial(self._clean_orphans, report, time_left))
        self.telemetry.count("TasksCleanedUp", report.tasks)
        return report

    def _guarded(self, report: CleanupReport, step: Callable[[], None]) -> None:
        """Run one step; its failure is counted and leaves the others alone."""
        try:
            step()
        except (StoreUnavailable, PayloadUnavailable) as error:
            report.errors += 1
            report.finished = False
            self.telemetry.problem("clean-up step failed", reason=str(error))

    def _clean_shard(self, shard: int, report: CleanupReport, time_left: Callable[[], bool]) -> None:
        while True:
            page, before = self.store.past_retention(shard, self.clock.now(), PAGE), report.tasks
            for ref in page:
                if not time_left():
                    report.finished = False
                    return
                self._delete(ref, report)
            if len(page) < PAGE or report.tasks == before:
                return

    def _delete(self, ref: TaskRef, report: CleanupReport) -> None:
        task = self.store.get(ref)
        if task is not None and not task.is_terminal:  # an end is final, so one that was read is enough
            report.errors += 1
            self.telemetry.problem("live task not cleaned up", task)
            return
        report.payloads += self.payloads.delete_all(ref.task_id)
        if task is not None and task.context is not None:
            self.contexts.remove(task.context, ref.task_id)
        self.store.delete(ref)
        report.tasks += 1

    def _clean_orphans(self, report: CleanupReport, time_left: Callable[[], bool]) -> None:
        oldest_kept = oldest_task_id(self.clock.now() - self.orphan_after_ms)
        while True:
            page = self.payloads.task_ids_before(oldest_kept, PAGE)
            for task_id in page:
                if not time_left():
                    report.finished = False
                    return
                report.orphans += self.payloads.delete_all(task_id)
            if len(page) < PAGE:
                return
