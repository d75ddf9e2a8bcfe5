"""Polls a task for callers that wait for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from a2a_tasks.domain.history.events import last_number
from a2a_tasks.domain.polling import seconds_to_next_poll
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.tasks.finalization import TaskFinalizer


@dataclass(frozen=True)
class TaskPoller:
    """Polls with eventually consistent reads, often after a change and less often later. Raises
    ``StoreUnavailable``."""

    store: TaskStore
    finalizer: TaskFinalizer
    pause: Callable[[float], None]
    """Sleeps for a number of seconds."""

    def states(
        self, task: Task, until: int, longest_pause: Callable[[], float] = lambda: float("inf")
    ) -> Iterator[Task]:
        """Yield the task as given, then as it is at each poll. A task whose deadline has passed is failed
        first.

        Args:
            task: The task as last read.
            until: Time of the last poll (Unix milliseconds).
            longest_pause: Upper limit of the next pause in seconds, called before each.
        """
        clock = self.finalizer.clock
        while True:
            task = self.finalizer.expire_if_overdue(task)
            yield task
            now = clock.now()
            if now >= until:
                return
            # past its deadline and still not failed: the task no longer exists
            end = min(until, task.deadline) if now < task.deadline else until
            pauses = seconds_to_next_poll(_quiet_ms(task, now)), longest_pause(), (end - now) / 1000
            self.pause(min(pauses))
            task = _newer(task, self.store.get_eventually_consistent(task.ref))


def _quiet_ms(task: Task, now: int) -> int:
    """Milliseconds since the last change or the earliest start, or until that."""
    return abs(now - max(task.updated_at, task.not_before))


def _newer(known: Task, seen: Task | None) -> Task:
    """The newer of two reads of a task."""
    # reads are eventually consistent: an older one would report events twice
    return known if seen is None or last_number(seen.events) < last_number(known.events) else seen
