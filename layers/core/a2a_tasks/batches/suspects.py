"""Tasks in line that could not be prepared for a batch, or were being prepared when a run died.

An error names its task. A process that runs out of memory names nobody: so a run writes down what it is about
to prepare, and where that is found of a dead run, each of these tasks has a try less. From then on they are
prepared last and one by one, so that a dead run's next one names the task that it died of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from a2a_tasks.batches.tasks import AT_A_TIME, BatchTasks
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.batches import BatchStore, Waiting

MAX_TRIES = 3
"""Runs that try to prepare a task in line before it fails."""
DEAD_MS = 300_000
"""Whoever began to prepare so long ago is dead: more than a run can last (the function's timeout)."""
DIED = "the process died"


@dataclass(frozen=True)
class Suspects:
    """All methods raise ``StoreUnavailable``."""

    batches: BatchStore
    tasks: BatchTasks

    def sorted_out(self, project_id: str, entries: Sequence[Waiting], run_id: str) -> list[Waiting]:
        """Those that may be prepared, suspects last; without what other runs are preparing, and without those
        that have had their tries, which fail."""
        tries: dict[str, int] = {}
        elsewhere: set[str] = set()
        for other in self.batches.preparing(project_id):
            if other.run_id == run_id:
                continue
            if self.tasks.now() - other.begun_at < DEAD_MS:
                elsewhere |= {entry.task_id for entry in other.entries}
                continue
            tries |= {e.task_id: self.batches.count_try(e, other.run_id) for e in other.entries}
            self.batches.end_preparing(project_id, other.run_id)
        kept: list[Waiting] = []
        for entry in entries:
            tried = max(entry.tries, tries.get(entry.task_id, 0))
            if tried >= MAX_TRIES:
                self.give_up(entry, DIED)
            elif entry.task_id not in elsewhere:
                kept.append(replace(entry, tries=tried))
        return sorted(kept, key=lambda entry: entry.tries > 0)

    def failed(self, entry: Waiting, run_id: str, error: Exception) -> None:
        """A task could not be prepared."""
        if self.batches.count_try(entry, run_id) >= MAX_TRIES:
            self.give_up(entry, type(error).__name__)

    def give_up(self, entry: Waiting, why: str) -> None:
        """End a task that would be in everybody's way each minute until its deadline."""
        reason = f"The task's request could not be made in {MAX_TRIES} tries ({why})."
        task = self.tasks.store.get(entry.ref)
        if task is not None:
            guard = Guard(frozenset({Status.PENDING}), fence=task.fence)
            self.tasks.ending.fail(task, Failure(FailureCode.EXECUTION_ERROR, reason), guard)
        self.batches.drop(entry)


def groups(entries: Iterable[Waiting]) -> list[tuple[Waiting, ...]]:
    """What is prepared side by side: many, but each suspect alone."""
    known = list(entries)
    others = [entry for entry in known if not entry.tries]
    return [*batched(others, AT_A_TIME, strict=False), *((entry,) for entry in known if entry.tries)]
