"""Progress of long operations on stderr: a bar on a terminal, elsewhere a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from a2actl.terminal.output import note

TELL_EVERY = 100

Advance = Callable[[int, int | None], None]
"""Called with the amount done, and the total if it is known."""


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Advance]:
    """``what`` is being done to how many, such as ``sent again``."""
    if sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _lines(what, total)


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """The current step; nothing if stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(what)) as status:
        yield lambda now: status.update(escape(now))


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(what, total=total)

        def advance(done: int, of: int | None = None) -> None:
            bar.update(line, completed=done, total=total if of is None else of)

        yield advance


def _lines(what: str, total: int | None) -> Advance:
    told = 0

    def advance(done: int, of: int | None = None) -> None:
        nonlocal told
        if done // TELL_EVERY > told:
            told = done // TELL_EVERY
            known = total if of is None else of
            note(f"{done} {what} …" if known is None else f"{done} of {known} {what} …")

    return advance
