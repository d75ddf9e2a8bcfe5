"""Guards: preconditions of the writes that end tasks."""

from dataclasses import dataclass

from a2a_tasks.domain.task import LIVE, Status, Task


@dataclass(frozen=True)
class Guard:
    """What must be true of the stored task for a write to take effect. Unset fields do not matter."""

    statuses: frozenset[Status]
    """Its status is one of these."""
    fence: int | None = None
    """Its fence is this one."""
    deadline_after: int | None = None
    """Its deadline is later than this (Unix milliseconds)."""
    deadline_by: int | None = None
    """Its deadline is not later than this (Unix milliseconds)."""
    by_holder: bool = False
    """No condition: the writer holds the task and gives it up with this write."""

    def allows(self, task: Task) -> bool:
        """Whether a task meets the conditions. The store has the same rule as a condition expression."""
        return (
            task.status in self.statuses
            and (self.fence is None or task.fence == self.fence)
            and (self.deadline_after is None or task.deadline > self.deadline_after)
            and (self.deadline_by is None or task.deadline <= self.deadline_by)
        )


def guard_of_worker(fence: int) -> Guard:
    """Only the worker that holds the task: a stale worker has a lower fence."""
    return Guard(frozenset({Status.RUNNING}), fence=fence, by_holder=True)


def guard_of_completion(fence: int, now: int) -> Guard:
    """A result counts only before the deadline. After it the task has timed out, even if that is not written
    yet."""
    return Guard(frozenset({Status.RUNNING}), fence=fence, deadline_after=now, by_holder=True)


def guard_of_cancel(now: int) -> Guard:
    """A task can be canceled until it ends or its deadline passes."""
    # past its deadline the task has failed, even if that is not stored yet: a cancel would contradict what
    # callers have read
    return Guard(LIVE, deadline_after=now)


def guard_of_expiry(now: int, fence: int | None = None) -> Guard:
    """Only a live task past its deadline times out; with ``fence`` only under the worker that holds it."""
    if fence is not None:  # only the worker that holds the task: a stale worker ends nothing
        return Guard(frozenset({Status.RUNNING}), fence=fence, deadline_by=now, by_holder=True)
    # compares the stored deadline, which a start or an answer may have moved since the task was read
    return Guard(LIVE, deadline_by=now)


def guard_of_loss(fence: int) -> Guard:
    """A task whose worker died fails only if no other worker has taken it over."""
    return Guard(frozenset({Status.RUNNING}), fence=fence)


def guard_of_dead_letter(fence: int) -> Guard:
    """A dead letter ends its task only if nothing has happened since the task was read, as another
    delivery may have claimed it."""
    # a task that waits for an answer needs no message
    return Guard(frozenset({Status.PENDING, Status.RUNNING}), fence=fence)
