"""Output: a line as each check ends, and a table at the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.smoke.check import Outcome, Result

MARKS = {
    Result.PASSED: "[green]✓[/green]",
    Result.FAILED: "[red]✗[/red]",
    Result.SKIPPED: "[yellow]–[/yellow]",
}
COLOURS = {Result.PASSED: "green", Result.FAILED: "red", Result.SKIPPED: "yellow"}


@dataclass(frozen=True)
class Report:
    """On a terminal, or as plain lines without one."""

    console: Console = field(default_factory=Console)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Shows what is running."""
        with self.console.status(escape(f"{what} …")):
            yield

    def ended(self, outcome: Outcome) -> None:
        seconds = f"[dim]{outcome.seconds:6.1f} s[/dim]"
        text = f"{MARKS[outcome.result]} {seconds}  {escape(outcome.check)}: {escape(outcome.seen)}"
        self.console.print(text, highlight=False, soft_wrap=True)

    def table(self, outcomes: Sequence[Outcome]) -> None:
        """All outcomes, and the number of each result."""
        table = Table("check", "result", "seconds", "observation")
        for one in outcomes:
            colour = COLOURS[one.result]
            result = f"[{colour}]{one.result}[/{colour}]"
            table.add_row(escape(one.check), result, f"{one.seconds:.1f}", escape(one.seen))
        self.console.print(table)
        counts = ", ".join(f"{sum(one.result is r for one in outcomes)} {r}" for r in Result)
        self.say(f"{counts}; {sum(one.seconds for one in outcomes):.0f} s in total.")
