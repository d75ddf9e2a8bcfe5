"""Output of results."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from local.progress import Terminal

console = Console(width=110, file=sys.stdout)
progress = Terminal(console)


def step(title: str) -> AbstractContextManager[None]:
    """Show what is being measured, and how long it took."""
    return progress.step(title)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column is a label, the others are numbers."""
    shown = Table(title=title, title_justify="left")
    for n, column in enumerate(columns):
        shown.add_column(column, justify="left" if n == 0 else "right")
    for row in rows:
        shown.add_row(*(str(cell) for cell in row))
    console.print()
    console.print(shown)
    console.print()


def p50_p95(values: Sequence[float]) -> tuple[str, str]:
    """Median and 95th percentile, in milliseconds, of seconds."""
    return f"{median(values) * 1000:.0f} ms", f"{quantiles(values, n=20)[-1] * 1000:.0f} ms"
