"""Who may run and who waits, of an agent and of each conversation. Every change is one conditional write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.task import Priority


@dataclass(frozen=True)
class Scope:
    """What limits concurrency: an agent, or one context of it."""

    agent_id: str
    context_id: str | None = None


@dataclass(frozen=True)
class Holder:
    """A slot that a task has. ``fence`` is the task's when it was given the slot, or last came with it: a
    worker of an earlier claim has no say in it any more. ``granted_by`` is the task in whose name it was
    given while this one waited, until this one comes."""

    fence: int
    granted_by: str | None = None


@dataclass(frozen=True)
class Waiter:
    """A task in line, since it had this fence."""

    task_id: str
    priority: Priority
    fence: int


@dataclass(frozen=True)
class SlotState:
    """Holders by task id. ``arrivals`` counts who has come to wait since nobody did; 0: nobody waits."""

    holders: Mapping[str, Holder]
    arrivals: int


@dataclass(frozen=True)
class Freed:
    """Whether the task had a slot to give back, and the arrivals after it."""

    held: bool
    arrivals: int


class SlotStore(Protocol):
    """All methods are idempotent, read consistently, and raise ``StoreUnavailable``."""

    def state(self, scope: Scope) -> SlotState: ...

    def take(self, scope: Scope, task_id: str, fence: int, limit: int) -> bool:
        """Whether the task holds a slot now: it had one (from now on under this fence), or fewer than
        ``limit`` are held and nobody has come to wait."""
        ...

    def grant(self, scope: Scope, task_id: str, holder: Holder, limit: int) -> bool:
        """Give a slot to one that waits, while fewer than ``limit`` are held; whether this grant did it (now,
        or in an earlier try whose answer was lost)."""
        ...

    def free(self, scope: Scope, task_id: str, below: int) -> Freed:
        """Give back the task's slot if its fence is lower than ``below``."""
        ...

    def wait(self, scope: Scope, waiter: Waiter, until: int) -> None:
        """Get in line. ``until`` is when the task has ended for certain: the entry may be deleted then."""
        ...

    def arrive(self, scope: Scope) -> None:
        """Count an arrival: from now on slots are granted to those in line, and not taken."""
        ...

    def settle(self, scope: Scope, arrivals: int) -> bool:
        """Nobody waits any more; False if somebody has arrived since ``arrivals`` were counted."""
        ...

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        """Leave the line, unless the task came back to it with a higher fence."""
        ...

    def is_waiting(self, scope: Scope, waiter: Waiter) -> bool: ...

    def waiting(self, scope: Scope, limit: int, priority: Priority | None = None) -> list[Waiter]:
        """The first in line: by priority, and then by age (task ids sort by it)."""
        ...
