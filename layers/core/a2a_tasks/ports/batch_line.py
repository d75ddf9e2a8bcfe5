"""The line of tasks that wait for a batch: one for each project."""

from typing import Protocol

from a2a_tasks.domain.task import Task


class BatchLine(Protocol):
    def enqueue(self, task: Task, now: int) -> None:
        """Put a pending task in its project's line, from ``in_line_since`` on. Idempotent; ``now`` is the
        caller's clock. Raises ``StoreUnavailable``."""
        ...


def in_line_since(task: Task) -> int:
    """The moment from which a pending task waits for a batch (Unix milliseconds). An entry of the line with
    another is one that it has left."""
    return max(task.created_at, task.not_before)
