"""Waits for a task's end and shows its progress."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from a2actl.tasks.api import Unreachable
from a2actl.tasks.view import moment
from a2actl.terminal.duration import format_elapsed
from a2actl.terminal.output import note, one_line

TERMINAL = frozenset({"completed", "failed", "canceled"})
QUICK_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
"""How long the API may fail to respond before waiting is given up; the task continues anyway."""

Show = Callable[[str, float], None]
"""Called after every poll with the task's state and the seconds since waiting began."""


@dataclass(frozen=True)
class Waiting:
    """Looks at a task until it has ended. Both clocks are in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def for_end(self, look: Callable[[], dict[str, Any]], show: Show) -> dict[str, Any]:
        """The ended task. Raises ``Fault``, but ``Unreachable`` only after a minute without an answer."""
        began = answered = self.monotonic()
        while True:
            now = self.monotonic()
            try:
                task = look()
            except Unreachable:
                if now - answered >= PATIENCE_SECONDS:
                    raise
            else:
                answered = now
                show(moment(task), now - began)
                if task["status"] in TERMINAL:
                    return task
            self.sleep(interval(now - began))


def interval(waited: float) -> float:
    """Seconds until the next poll: the end of short tasks is seen at once, long ones cost few requests."""
    return 0.5 if waited < QUICK_SECONDS else 2.0


@contextmanager
def progress(task_id: str) -> Iterator[Show]:
    """A live line on stderr with state and time; where that is no terminal, a line per change."""
    if sys.stderr.isatty():
        with _live_line(task_id) as show:
            yield show
    else:
        yield _lines()


@contextmanager
def _live_line(task_id: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(f"{task_id} waiting", total=None)
        yield lambda state, _: bar.update(line, description=f"{task_id} {one_line(state)}")


def _lines() -> Show:
    last = ""

    def show(state: str, elapsed: float) -> None:
        nonlocal last
        if state != last:
            note(f"{one_line(state)} after {format_elapsed(elapsed)}")
            last = state

    return show
