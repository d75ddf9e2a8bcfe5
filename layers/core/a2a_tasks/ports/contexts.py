"""Which tasks a conversation consists of. What was said in them is theirs, so the two cannot disagree."""

from typing import Protocol

from a2a_tasks.domain.task import ContextRef

AFTER_ALL = "~"
"""Sorts after every task id."""


class ContextStore(Protocol):
    """An entry is put before its task and never changed; one without a task says nothing. Task ids sort by
    age, and so do the entries.

    All methods are idempotent, read consistently, and raise ``StoreUnavailable``.
    """

    def add(self, context: ContextRef, task_id: str) -> None: ...

    def newest(self, context: ContextRef, before: str, limit: int) -> list[str]:
        """The ids of the last ``limit`` tasks before one, the oldest first."""
        ...

    def page(self, context: ContextRef, after: str | None, limit: int) -> list[str]:
        """The ids of the first ``limit`` tasks, or of those after one, the oldest first."""
        ...

    def remove(self, context: ContextRef, task_id: str) -> None: ...
