"""Follow a task while it is worked on: its events in order, and what it says as it says it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain import events
from a2a_tasks.domain.schedule import rest_ms
from a2a_tasks.domain.task import Progress, Question, Status, Task
from a2a_tasks.ports.live import LiveStore
from a2a_tasks.ports.tasks import TaskStore, Written
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.live_text import Snapshot, snapshot

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
"""Seconds between two looks: short at first, since many tasks end soon."""
MANY = 10_000
"""More events than a task has."""


@dataclass(frozen=True)
class Text:
    """What has been said from ``offset`` on (characters); it takes the place of what was there, if a turn had
    to be begun anew."""

    offset: int
    text: str


@dataclass(frozen=True)
class Update:
    """What is new of a task: the events since the last update, as callers see them, its text, and apart from
    it what the model says of its progress.

    ``rest_ms`` is there where it cannot start soon: following ends, and it is worth coming back after it.
    """

    task: Task
    events: list[dict[str, Any]]
    text: Text | None
    progress: Text | None = None
    rest_ms: int | None = None

    @property
    def is_last(self) -> bool:
        """Nothing follows until somebody answers, or for long, or at all."""
        return self.task.is_terminal or self.task.status is Status.INPUT_REQUIRED or self.rest_ms is not None


@dataclass(frozen=True)
class Follower:
    """``pause`` waits for so many seconds. All methods raise ``StoreUnavailable``."""

    store: TaskStore
    live: LiveStore
    ending: TaskFinalizer
    pause: Callable[[float], None]

    def follow(
        self, task: Task, after: int, until: int, known: Question | None = None
    ) -> Iterator[Update | None]:
        """Updates of a task from event number ``after`` on, until it has ended or asks, or will not start
        soon, or until this moment (Unix milliseconds). A question that is ``known`` is waited for to be
        answered.

        None where there is nothing new, at least once a second: a sign of life for whoever waits at the other
        end.
        Everybody who follows a task gets the same events in the same order.
        """
        if not (task.is_terminal or task.live):
            # before its state is read: what it says from now on is written down
            watched = self.store.enable_live(task.ref)
            if isinstance(watched, Written):
                self.ending.holders.tell(watched.task)
        said, pause = Snapshot("", Progress()), SHORTEST_PAUSE
        while True:
            task = self.ending.expire_if_overdue(self.store.get(task.ref) or task)
            news = events.to_wire(task, after, MANY)
            now = said if task.is_terminal else snapshot(self.live.chunks(task.ref.task_id))
            text, progress = _difference(said.text, now.text), _difference(said.updates, now.updates)
            is_new = bool(news["events"] or text or progress)
            rest = rest_ms(task, self.ending.clock.now())
            update = Update(task, news["events"], text, progress, rest)
            after, said = int(news["nextCursor"]), now
            is_last = update.is_last and (known is None or task.question != known)
            yield update if is_new or is_last else None
            left = (until - self.ending.clock.now()) / 1000
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
