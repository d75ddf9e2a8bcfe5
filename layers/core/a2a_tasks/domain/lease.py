"""The lease of a worker process: as long as it lives, the tasks that the process has claimed are its own."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Task, TaskRef

CLOCKS_APART_MS = 2_000
"""How far the clocks of two processes may differ. Lambda's are kept much closer."""


@dataclass(frozen=True)
class Lease:
    """A worker's lease as stored. Times are Unix milliseconds by the worker's own clock.

    ``tasks`` are those that it had in hand when it last renewed: whoever finds the worker dead announces them
    again. ``disowned`` are claims that it does not follow up although they may have taken effect. ``due_at``
    is when somebody must look whether it still lives; None while no task relies on that.
    """

    worker_id: str
    until: int
    tasks: frozenset[TaskRef] = frozenset()
    disowned: frozenset[str] = frozenset()
    due_at: int | None = None
    is_broken: bool = False

    def is_over(self, now: int) -> bool:
        """Over for sure, whoever's clock is ahead."""
        return self.is_broken or now >= self.until + CLOCKS_APART_MS

    def covers(self, task: Task) -> bool:
        """The task is this worker's as long as the lease lives."""
        return not self.is_broken and task.held_by == self.worker_id and task.claim_id not in self.disowned

    def is_watched(self, task: Task) -> bool:
        """Whoever finds this worker dead learns of the task."""
        return self.covers(task) and self.due_at is not None and task.ref in self.tasks


@dataclass(frozen=True)
class Notes:
    """What others have left for a worker since it last renewed: the ids of tasks that it must look at, or
    ``everything`` where that is not known, or they are too many."""

    task_ids: frozenset[str] = frozenset()
    everything: bool = False

    def concern(self, task_id: str) -> bool:
        return self.everything or task_id in self.task_ids
