"""Following a task: its events in order, and its text as it is generated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from a2a_tasks.conversations.live_reader import LiveReader, Text
from a2a_tasks.domain.history.event import NumberedEvent
from a2a_tasks.domain.history.events import news
from a2a_tasks.domain.schedule import rest_ms
from a2a_tasks.domain.task import Question, Status, Task
from a2a_tasks.ports.live import LiveStore
from a2a_tasks.ports.tasks import Refused, TaskStore
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.polling import TaskPoller

MANY = 10_000
"""More events than any task has."""


@dataclass(frozen=True)
class Update:
    """What is new."""

    task: Task
    events: list[NumberedEvent]
    """Since the last update."""
    text: Text | None
    progress: Text | None = None
    """Progress updates of the model."""
    rest_ms: int | None = None
    """Set if the task cannot start soon: following ends, and should be resumed after this time."""

    @property
    def is_last(self) -> bool:
        """Whether nothing follows, or nothing before the caller answers or for a long time."""
        return self.task.is_terminal or self.task.status is Status.INPUT_REQUIRED or self.rest_ms is not None


@dataclass(frozen=True)
class Follower:
    """Follows tasks. All methods raise ``StoreUnavailable``."""

    store: TaskStore
    live: LiveStore
    finalizer: TaskFinalizer
    pause: Callable[[float], None]
    """Sleeps for so many seconds."""

    def follow(
        self, task: Task, after: int, until: int, known: Question | None = None
    ) -> Iterator[Update | None]:
        """Yield updates of a task until it ends, asks a question or cannot start soon. All followers of a
        task receive the same events in the same order.

        Args:
            task: The task.
            after: Number of the last event received.
            until: End of following (Unix milliseconds).
            known: A question already received; following continues until it is answered.

        Yields:
            Updates, or None after each look without any, as a sign of life (``FARTHEST_SECONDS``).
        """
        clock = self.finalizer.clock
        heard = LiveReader(self.live, task.ref.task_id, clock)
        poller = TaskPoller(self.store, self.finalizer, self.pause)
        # marked as watched first: what the task says before that is not written down for anybody
        for seen in poller.states(self._watched(task), until, heard.longest_pause):
            found = news(seen, after, MANY)
            # the result comes whole with the end, so nothing is read for it
            text, progress = (None, None) if seen.is_terminal else heard.news()
            update = Update(seen, found.events, text, progress, rest_ms(seen, clock.now()))
            after = found.last
            # a question that the reader has seen already does not end it: it waits for what comes of it
            is_last = update.is_last and (known is None or seen.question != known)
            yield update if found.events or text or progress or is_last else None
            if is_last:
                return

    def _watched(self, task: Task) -> Task:
        """The task, whose text is written down from now on."""
        if task.is_terminal or task.live:
            return task
        watched = self.store.enable_live(task.ref)
        if isinstance(watched, Refused):
            return watched.current or task
        # after the mark, which its worker then looks at; a claim later on reads it by itself
        self.finalizer.holders.notify(watched.task)
        return watched.task
