"""Shows the progress of a long step at the terminal."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console

# A shorter step had little or nothing to do.
WORTH_TELLING_SECONDS = 0.5


class Progress(Protocol):
    """Receives the steps."""

    def step(self, title: str) -> AbstractContextManager[None]: ...


class Silent:
    """Shows nothing."""

    def step(self, title: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()


@dataclass(frozen=True)
class Terminal:
    """Shows the current step, and then how long it took."""

    console: Console = field(default_factory=Console)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        with self.console.status(f"{title} …"):
            try:
                yield
            except BaseException:
                self.console.print(f"[red]✗[/red] {title}")
                raise
        seconds = time.monotonic() - started
        took = f" [dim]{seconds:.1f} s[/dim]" if seconds >= WORTH_TELLING_SECONDS else ""
        self.console.print(f"[green]✓[/green] {title}{took}")
