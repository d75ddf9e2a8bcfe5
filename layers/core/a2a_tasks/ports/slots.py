"""Who runs and who waits, of an agent and of each conversation. Every change is one conditional write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.task import Priority

FIRSTS = 10
"""So many of a line are read with the slots."""
PAGE = 100
"""So many slots are read at once, and the first so many with the line. At most 10 KB, of which 3,000 units
can be read a second."""


@dataclass(frozen=True)
class Scope:
    """What limits concurrency: an agent, or one context of it."""

    agent_id: str
    context_id: str | None = None


@dataclass(frozen=True)
class Holder:
    """Who has a slot. ``fence`` is the task's when it was given the slot, or last came with it: a worker of
    an earlier claim has no say in it any more. Whose slot is between two tasks has no ``task_id``. ``at`` is
    when that was (Unix milliseconds)."""

    task_id: str
    fence: int
    at: int


@dataclass(frozen=True)
class Waiter:
    """A task in line, since it had this fence. It has ended at its ``deadline`` and cannot start before
    ``not_before``. Until ``due_at`` the sweeper looks at it by itself; 0: from now on at its deadline only,
    so who calls it must make it due. All are Unix milliseconds."""

    task_id: str
    priority: Priority
    fence: int
    deadline: int
    not_before: int = 0
    due_at: int = 0


@dataclass(frozen=True)
class View:
    """A scope at one moment: who has its first ``PAGE`` slots, by number; the first in line, and whether that
    is all of them; and until when the line is watched (0: it is not)."""

    holders: Mapping[int, Holder]
    waiters: tuple[Waiter, ...]
    is_all: bool
    watched_until: int


@dataclass(frozen=True)
class Place:
    """A task's place in a scope: whether it is in line, until when that is watched, and who has the scope's
    first slot."""

    waits: bool
    watched_until: int
    first_holder: Holder | None


class SlotStore(Protocol):
    """All methods are idempotent, read consistently, and raise ``StoreUnavailable``."""

    def view(self, scope: Scope, slots: int) -> View:
        """The scope, of which up to ``slots`` slots are held."""
        ...

    def page(self, scope: Scope, number: int) -> Mapping[int, Holder]:
        """Who has the slots ``number * PAGE`` and so on."""
        ...

    def take(self, scope: Scope, number: int, holder: Holder, until: int) -> Holder:
        """Take a slot that nobody has, or come with one's own under a higher fence; who has it then.
        ``until`` is when its task has ended for certain: the slot may be deleted then."""
        ...

    def pass_on(self, scope: Scope, number: int, giver: Holder, taker: Holder, until: int) -> bool:
        """Hand a slot over, if the giver still has it as seen; whether the taker has it now."""
        ...

    def free(self, scope: Scope, number: int, task_id: str, below: int) -> bool:
        """Give back a slot that the task has under a fence lower than ``below``; whether it had."""
        ...

    def wait(self, scope: Scope, waiter: Waiter) -> None:
        """Get in line, unless the task is there with a higher fence."""
        ...

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        """Leave the line, unless the task came back to it with a higher fence."""
        ...

    def place(self, scope: Scope, waiter: Waiter) -> Place: ...

    def waiting(
        self, scope: Scope, limit: int, now: int = 0, first: Priority = Priority.HIGH
    ) -> tuple[Waiter, ...]:
        """Of the first ``limit`` in line from this priority on those whose deadline is after ``now``: by
        priority, and then by age (task ids sort by it)."""
        ...

    def watch(self, scope: Scope, until: int, due_at: int) -> None:
        """From now on the line is looked at, first at ``due_at`` or when it was due anyway, and not forgotten
        before ``until``."""
        ...

    def due_lines(self, now: int, limit: int) -> list[Scope]:
        """Up to ``limit`` lines that are due, the longest due first. It nominates only."""
        ...

    def reschedule(self, scope: Scope, seen_until: int, until: int, due_at: int) -> bool:
        """Move a line's due time; False if somebody else has watched it longer since."""
        ...

    def forget_line(self, scope: Scope, seen_until: int) -> bool:
        """Do not look at the line any more; False if somebody has come since."""
        ...
