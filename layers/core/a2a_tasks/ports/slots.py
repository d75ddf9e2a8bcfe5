"""Slots and waiting lines of agents and conversations. Every change is one conditional write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.task import Priority

FIRSTS = 10
"""Waiters at the front of a line that are read together with its slots."""
PAGE = 100
"""Slots per partition, read with one query of at most 10 KB. DynamoDB serves 3,000 read units a second of
each partition."""


@dataclass(frozen=True)
class Scope:
    """A unit with a concurrency limit: an agent, or one of its conversations."""

    agent_id: str
    context_id: str | None = None


@dataclass(frozen=True)
class Holder:
    """Holder of a slot."""

    task_id: str
    """Empty while the slot is being handed from one task to the next."""
    fence: int
    """The task's fence when it got, or last confirmed, the slot. A worker of an earlier claim can no longer
    free it."""
    at: int
    """When that was (Unix milliseconds)."""


@dataclass(frozen=True)
class Waiter:
    """A task in line. Times are Unix milliseconds."""

    task_id: str
    priority: Priority
    fence: int
    """The task's fence when it joined the line."""
    deadline: int
    """By then it has ended, so the entry is stale."""
    not_before: int = 0
    """It cannot start earlier."""
    due_at: int = 0
    """Until then the sweeper checks the task itself. 0: only at its deadline, so a grant of a slot must make
    it due."""


@dataclass(frozen=True)
class ScopeState:
    """A scope at one moment."""

    holders: Mapping[int, Holder]
    """Holders of the first ``PAGE`` slots, by number."""
    waiters: tuple[Waiter, ...]
    """The front of the line."""
    is_all: bool
    """``waiters`` is the whole line."""
    watched_until: int
    """Until when the sweeper watches the line (Unix milliseconds; 0: it does not)."""


@dataclass(frozen=True)
class PlaceInLine:
    """A task's place in a scope."""

    waits: bool
    """It is in line."""
    watched_until: int
    """Until when the sweeper watches the line (Unix milliseconds; 0: it does not)."""
    first_holder: Holder | None
    """Holder of the scope's first slot."""


class SlotStore(Protocol):
    """Slots and lines. All methods are idempotent, read consistently, and raise ``StoreUnavailable``. Times
    are Unix milliseconds."""

    def state(self, scope: Scope, slots: int) -> ScopeState:
        """The scope, of which up to ``slots`` slots may be held."""
        ...

    def page(self, scope: Scope, number: int) -> Mapping[int, Holder]:
        """Holders of the slots from ``number * PAGE`` on."""
        ...

    def take(self, scope: Scope, number: int, holder: Holder, until: int) -> Holder:
        """Take a free slot, or confirm one's own under a higher fence.

        Args:
            scope: The agent or conversation.
            number: Which slot.
            holder: Who takes it.
            until: Time to live: its task has ended by then.

        Returns:
            Who holds the slot now.
        """
        ...

    def pass_on(self, scope: Scope, number: int, giver: Holder, taker: Holder, until: int) -> bool:
        """Hand a slot from ``giver`` to ``taker`` by compare-and-set. True if the taker has it now."""
        ...

    def free(self, scope: Scope, number: int, task_id: str, below: int) -> bool:
        """Free a slot that the task holds under a fence lower than ``below``. True if it did hold it."""
        ...

    def wait(self, scope: Scope, waiter: Waiter) -> None:
        """Join the line, unless the task is there with a higher fence."""
        ...

    def stop_waiting(self, scope: Scope, waiter: Waiter) -> None:
        """Leave the line, unless the task has joined it again with a higher fence."""
        ...

    def place(self, scope: Scope, waiter: Waiter) -> PlaceInLine:
        """The place of a task in its scope. An entry of an earlier claim, which a slow process has written
        late, is none."""
        ...

    def waiting(
        self, scope: Scope, limit: int, now: int = 0, first: Priority = Priority.HIGH
    ) -> tuple[Waiter, ...]:
        """Up to ``limit`` waiters of priority ``first`` and below, without those whose deadline is not after
        ``now``. Ordered by priority, then age (task ids sort by creation time)."""
        ...

    def watch(self, scope: Scope, until: int, due_at: int) -> None:
        """Have the sweeper look at a line at ``due_at``, or earlier if it was due already, and until
        ``until`` at least."""
        ...

    def due_lines(self, now: int, limit: int) -> list[Scope]:
        """Up to ``limit`` lines that are due, the longest due first. From an index, so an entry may be
        stale."""
        ...

    def reschedule(self, scope: Scope, seen_until: int, until: int, due_at: int) -> bool:
        """Move a line's due time. False if the watch was extended after ``seen_until`` was read."""
        ...

    def forget_line(self, scope: Scope, seen_until: int) -> bool:
        """Stop watching a line. False if the watch was extended after ``seen_until`` was read."""
        ...
