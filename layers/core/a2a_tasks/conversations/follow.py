"""Following a task: its events in order, and its text as it is generated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from a2a_tasks.domain.event import NumberedEvent
from a2a_tasks.domain.events import news
from a2a_tasks.domain.schedule import rest_ms
from a2a_tasks.domain.task import Progress, Question, Status, Task
from a2a_tasks.ports.live import LiveStore
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.live_text import Snapshot, snapshot

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
"""Seconds between two reads. Starts short, since many tasks end soon."""
MANY = 10_000
"""More events than any task has."""


@dataclass(frozen=True)
class Text:
    """New text."""

    offset: int
    """Character position; replaces what was there before, if a turn was restarted."""
    text: str


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
            Updates, or None at least once a second if there are none, as a sign of life.
        """
        if not (task.is_terminal or task.live):
            # before its state is read: what it says from now on is written down
            watched = self.store.enable_live(task.ref)
            if isinstance(watched, Written):
                self.finalizer.holders.notify(watched.task)
        said, pause = Snapshot("", Progress()), SHORTEST_PAUSE
        while True:
            task = self.finalizer.expire_if_overdue(self.store.get(task.ref) or task)
            found = news(task, after, MANY)
            now = said if task.is_terminal else snapshot(self.live.chunks(task.ref.task_id))
            text, progress = _difference(said.text, now.text), _difference(said.updates, now.updates)
            is_new = bool(found.events or text or progress)
            rest = rest_ms(task, self.finalizer.clock.now())
            update = Update(task, found.events, text, progress, rest)
            after, said = found.last, now
            is_last = update.is_last and (known is None or task.question != known)
            yield update if is_new or is_last else None
            left = (until - self.finalizer.clock.now()) / 1000
            if is_last or left <= 0:
                return
            self.pause(min(pause, left))
            pause = min(pause * 1.5, LONGEST_PAUSE)


def _difference(before: str, text: str) -> Text | None:
    if text == before:
        return None
    shared = zip(before, text, strict=False)
    offset = next((n for n, (old, new) in enumerate(shared) if old != new), min(len(before), len(text)))
    return Text(offset, text[offset:])
