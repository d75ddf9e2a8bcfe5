"""The line of tasks that wait for a batch."""

from typing import Protocol

from a2a_tasks.domain.task import Task


class BatchLine(Protocol):
    def enqueue(self, task: Task) -> None:
        """Put a pending task in line, from ``not_before`` on. Idempotent. Raises ``StoreUnavailable``."""
        ...
