"""Guards: what must still be true of a task when it is written."""

from dataclasses import dataclass

from a2a_tasks.domain.task import LIVE, Status, Task


@dataclass(frozen=True)
class Guard:
    """What must still be true of the stored task for a write to take effect. Unset parts do not matter.

    ``by_holder`` says of the writer that it holds the task, and stops with this write."""

    statuses: frozenset[Status]
    fence: int | None = None
    deadline_after: int | None = None
    deadline_by: int | None = None
    by_holder: bool = False

    def allows(self, task: Task) -> bool:
        return (
            task.status in self.statuses
            and (self.fence is None or task.fence == self.fence)
            and (self.deadline_after is None or task.deadline > self.deadline_after)
            and (self.deadline_by is None or task.deadline <= self.deadline_by)
        )


def guard_of_worker(fence: int) -> Guard:
    """Only the worker that holds the task may write: a stale one has a lower fence."""
    return Guard(frozenset({Status.RUNNING}), fence=fence, by_holder=True)


def guard_of_completion(fence: int, now: int) -> Guard:
    """A result counts only before the deadline; after it the task has failed, whoever writes that down."""
    return Guard(frozenset({Status.RUNNING}), fence=fence, deadline_after=now, by_holder=True)


def guard_of_cancel(now: int) -> Guard:
    """Anything not ended can be canceled, until its deadline has decided."""
    return Guard(LIVE, deadline_after=now)


def guard_of_expiry(now: int, fence: int | None = None) -> Guard:
    """Only a task past its deadline times out, and only if nothing else ended it."""
    if fence is not None:  # the worker that holds it: a stale one ends nothing
        return Guard(frozenset({Status.RUNNING}), fence=fence, deadline_by=now, by_holder=True)
    return Guard(LIVE, deadline_by=now)


def guard_of_loss(fence: int) -> Guard:
    """A task whose worker is lost, its lease broken, is given up only if nobody took it over meanwhile."""
    return Guard(frozenset({Status.RUNNING}), fence=fence)


def guard_of_dead_letter(fence: int) -> Guard:
    """A dead message ends its task only as it was seen, without a living worker: another delivery may have
    won since."""
    # a task that waits for an answer needs no message
    return Guard(frozenset({Status.PENDING, Status.RUNNING}), fence=fence)
