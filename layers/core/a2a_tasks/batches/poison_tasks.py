"""Waiting tasks that could not be prepared for a batch, or were being prepared when a run crashed.

An error names its task, but a process that runs out of memory does not. So a run records what it is about
to prepare; if that record of a crashed run is found, it counts as a failed try of all these tasks. From
then on they are prepared last and one at a time, so that the next crash identifies its task.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from a2a_tasks.batches.tasks import AT_A_TIME, BatchTasks
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.batches import BatchStore, QueuedTask

MAX_TRIES = 3
"""Runs that may fail to prepare a task before it fails."""
DEAD_MS = 300_000
"""Preparations begun longer ago belong to a crashed run: longer than the function's timeout."""
DIED = "the process died"


@dataclass(frozen=True)
class PoisonTasks:
    """Handles poison tasks. All methods raise ``StoreUnavailable``."""

    batches: BatchStore
    tasks: BatchTasks

    def screened(self, project_id: str, entries: Sequence[QueuedTask], run_id: str) -> list[QueuedTask]:
        """Entries that may be prepared, poison tasks last, without those that other runs are preparing. Those
        without tries left fail."""
        tries: dict[str, int] = {}
        elsewhere: set[str] = set()
        for other in self.batches.preparing(project_id):
            if other.run_id == run_id:
                continue
            # the run may be alive, so its tasks are left to it
            if self.tasks.now() - other.begun_at < DEAD_MS:
                elsewhere |= {entry.task_id for entry in other.entries}
                continue
            tries |= {e.task_id: self.batches.count_try(e, other.run_id) for e in other.entries}
            # removed after the tries are counted: a crash in between repeats the count, which is idempotent
            # per run
            self.batches.end_preparing(project_id, other.run_id)
        kept: list[QueuedTask] = []
        for entry in entries:
            tried = max(entry.tries, tries.get(entry.task_id, 0))
            if tried >= MAX_TRIES:
                self.give_up(entry, DIED)
            elif entry.task_id not in elsewhere:
                kept.append(replace(entry, tries=tried))
        return sorted(kept, key=lambda entry: entry.tries > 0)

    def failed(self, entry: QueuedTask, run_id: str, error: Exception) -> None:
        """Record that a task could not be prepared."""
        if self.batches.count_try(entry, run_id) >= MAX_TRIES:
            self.give_up(entry, type(error).__name__)

    def give_up(self, entry: QueuedTask, why: str) -> None:
        """Fail a task that would otherwise block the line until its deadline."""
        reason = f"The task's request could not be made in {MAX_TRIES} tries ({why})."
        task = self.tasks.store.get(entry.ref)
        if task is not None:
            # guarded by the state read, because it may have been prepared or ended since
            guard = Guard(frozenset({Status.PENDING}), fence=task.fence)
            self.tasks.finalizer.fail(task, Failure(FailureCode.EXECUTION_ERROR, reason), guard)
        self.batches.drop(entry)


def groups(entries: Iterable[QueuedTask]) -> list[tuple[QueuedTask, ...]]:
    """Entries prepared in parallel: many together, but each poison task alone."""
    known = list(entries)
    others = [entry for entry in known if not entry.tries]
    return [*batched(others, AT_A_TIME, strict=False), *((entry,) for entry in known if entry.tries)]
