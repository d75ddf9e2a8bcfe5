"""The task store. Every write is conditional, and the condition carries its meaning."""

from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.task import Guard, Outcome, Status, Task, TaskRef
from a2a_tasks.domain.usage import Usage


class InvalidCursor(ValueError):
    """A list cursor that this store did not issue."""


@dataclass(frozen=True)
class Claim:
    """One try to take a task. ``claim_id`` is random, so that a claim whose answer was lost is recognized."""

    claim_id: str
    now: int
    lease_until: int


@dataclass(frozen=True)
class Written:
    """The write took effect (now, or in an earlier try whose answer was lost)."""

    task: Task


@dataclass(frozen=True)
class Refused:
    """The condition did not hold. ``current`` is the task as it stands, None if there is none."""

    current: Task | None


@dataclass(frozen=True)
class Page:
    tasks: list[Task]
    cursor: str | None


@dataclass(frozen=True)
class Due:
    """An index entry: somebody must look at this task. It nominates only; the task itself decides."""

    ref: TaskRef
    due_at: int


class TaskStore(Protocol):
    """All methods raise ``StoreUnavailable`` when the store does not answer."""

    def create(self, task: Task) -> None: ...

    def get(self, ref: TaskRef) -> Task | None:
        """The task as last written (a consistent read)."""
        ...

    def page(self, agent_id: str, status: Status | None, limit: int, cursor: str | None) -> Page:
        """An agent's tasks, newest first. A page may hold fewer than ``limit`` and still have a cursor.

        Raises ``InvalidCursor``.
        """
        ...

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        """Take a claimable task: running, fence and attempt one higher, leased."""
        ...

    def renew(self, ref: TaskRef, fence: int, lease_until: int) -> Written | Refused:
        """Extend the lease of the worker that still holds it."""
        ...

    def release(
        self, ref: TaskRef, fence: int, now: int, not_before: int, due_at: int, used: Usage
    ) -> Written | Refused:
        """Give a task back for a retry at ``not_before``, keeping what it has used."""
        ...

    def finish(self, ref: TaskRef, outcome: Outcome, guard: Guard) -> Written | Refused:
        """End a task, if ``guard`` still holds. It leaves the due index and enters the retention index."""
        ...

    def look_again(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        """Move a live task's due time; False if another sweep, or its worker, moved it first."""
        ...

    def due(self, shard: int, now: int, limit: int) -> list[Due]:
        """Up to ``limit`` tasks of a shard with ``due_at <= now``, the longest due first."""
        ...

    def past_retention(self, shard: int, now: int, limit: int) -> list[TaskRef]:
        """Up to ``limit`` ended tasks of a shard with ``retain_until <= now``, the oldest first."""
        ...

    def delete(self, ref: TaskRef) -> None:
        """Delete an ended task and every item that it owns. Idempotent."""
        ...
