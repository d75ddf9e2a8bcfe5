"""The lease of a worker process. While it is valid, the tasks that the process has claimed belong to it."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Task, TaskRef

CLOCKS_APART_MS = 2_000
"""Assumed maximum clock skew between two processes. Lambda keeps its clocks much closer."""


@dataclass(frozen=True)
class Lease:
    """A worker's lease as stored. Times are Unix milliseconds by the worker's own clock."""

    worker_id: str
    until: int
    """When it expires."""
    tasks: frozenset[TaskRef] = frozenset()
    """Tasks that the worker held at its last renewal. The recovery of a dead worker announces them again."""
    disowned: frozenset[str] = frozenset()
    """Claim ids that may have taken effect but that the worker does not pursue."""
    due_at: int | None = None
    """When the sweeper must check whether the worker is alive. None while no task depends on that."""
    is_broken: bool = False
    """It was ended because the worker was found dead; it can never be renewed."""

    def is_over(self, now: int) -> bool:
        """Whether it has expired, allowing for clock skew."""
        # the caller's clock differs from that of the worker that wrote ``until``
        return self.is_broken or now >= self.until + CLOCKS_APART_MS

    def covers(self, task: Task) -> bool:
        """Whether the task belongs to this worker while the lease is valid."""
        # the worker does not execute a disowned claim, so there is no need to wait for the lease
        return not self.is_broken and task.held_by == self.worker_id and task.claim_id not in self.disowned

    def is_watched(self, task: Task) -> bool:
        """Whether the recovery of this worker, should it die, includes the task."""
        return self.covers(task) and self.due_at is not None and task.ref in self.tasks


@dataclass(frozen=True)
class LeaseNotes:
    """What others have left for a worker since its last renewal."""

    task_ids: frozenset[str] = frozenset()
    """Tasks that it must look at."""
    everything: bool = False
    """It must look at all its tasks, because the ids are unknown or too many."""

    def concern(self, task_id: str) -> bool:
        """Whether the worker must look at this task."""
        return self.everything or task_id in self.task_ids
