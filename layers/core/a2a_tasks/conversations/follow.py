"""Following a task: its events in order, and its text as it is generated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from a2a_tasks.conversations.live_reader import LiveReader, TextUpdate
from a2a_tasks.domain.history.event import NumberedEvent
from a2a_tasks.domain.history.events import events_after
from a2a_tasks.domain.schedule import idle_ms
from a2a_tasks.domain.task import Question, Status, Task
from a2a_tasks.ports.live import LiveStore
from a2a_tasks.ports.tasks import Refused, TaskStore
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.polling import TaskPoller

MANY = 10_000
"""More events than any task has."""


@dataclass(frozen=True)
class FollowUpdate:
    """What is new."""

    task: Task
    events: list[NumberedEvent]
    """Since the last update."""
    text: TextUpdate | None
    progress: TextUpdate | None = None
    """Progress updates of the model."""
    idle_ms: int | None = None
    """Set if the task cannot start soon: following ends, and should be resumed after this time."""

    @property
    def is_last(self) -> bool:
        """Whether nothing follows, or nothing before the caller answers or for a long time."""
        return self.task.is_terminal or self.task.status is Status.INPUT_REQUIRED or self.idle_ms is not None


@dataclass(frozen=True)
class Follower:
    """Follows tasks. All methods raise ``StoreUnavailable``."""

    store: TaskStore
    live: LiveStore
    finalizer: TaskFinalizer
    pause: Callable[[float], None]
    """Sleeps for a number of seconds."""

    def follow(
        self, task: Task, after: int, until: int, known: Question | None = None
    ) -> Iterator[FollowUpdate | None]:
        """Yield updates of a task until it ends, asks a question or cannot start soon. All followers of a
        task receive the same events in the same order.

        Args:
            task: The task.
            after: Number of the last event received.
            until: End of following (Unix milliseconds).
            known: A question already received; following continues until it is answered.

        Yields:
            Updates, or None after each poll without any, as a keep-alive (at most ``FARTHEST_SECONDS``
            apart).
        """
        clock = self.finalizer.clock
        heard = LiveReader(self.live, task.ref.task_id, clock)
        poller = TaskPoller(self.store, self.finalizer, self.pause)
        # marked as watched first: text generated before that is not published
        for seen in poller.states(self._watched(task), until, heard.longest_pause):
            found = events_after(seen, after, MANY)
            # the end includes the whole result, so no chunks are read
            text, progress = (None, None) if seen.is_terminal else heard.read_new()
            update = FollowUpdate(seen, found.events, text, progress, idle_ms(seen, clock.now()))
            after = found.last
            # a question that the reader has received already does not end the stream
            is_last = update.is_last and (known is None or seen.question != known)
            yield update if found.events or text or progress or is_last else None
            if is_last:
                return

    def _watched(self, task: Task) -> Task:
        """The task, marked so that its worker publishes its text."""
        if task.is_terminal or task.live:
            return task
        watched = self.store.enable_live(task.ref)
        if isinstance(watched, Refused):
            return watched.current or task
        # after the mark, which the note makes the worker read; a later claim reads it anyway
        self.finalizer.holders.notify(watched.task)
        return watched.task
