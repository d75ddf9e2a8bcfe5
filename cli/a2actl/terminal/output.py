"""What the command prints: answers on stdout, everything else on stderr."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Without control characters: names and results come from others and must not steer the terminal."""
    return _CONTROL.sub("", text)


def show_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    typer.echo(printable(text) if sys.stdout.isatty() else text)


def show_json_line(value: Any) -> None:
    """One of many, each on a line of its own (NDJSON)."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal. Elsewhere one line a row, columns by tabs, so that ``cut`` can read it."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(one_line(cell) for cell in row))
        return
    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console().print(table)


def show_fields(fields: Sequence[tuple[str, str]]) -> None:
    """One ``name: value`` line per field."""
    width = max(len(name) for name, _ in fields) + 1
    for name, value in fields:
        typer.echo(f"{name + ':':<{width}} {one_line(value)}")


def show_text(text: str) -> None:
    """A result: as Markdown on a terminal, unchanged elsewhere."""
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.markdown import Markdown  # a tenth of a second, which no other command should pay

    Console().print(Markdown(printable(text)))


def note(text: str) -> None:
    """A hint or a problem, on stderr."""
    typer.echo(printable(text), err=True)


def one_line(text: str) -> str:
    """Printable, and without line breaks."""
    return printable(" ".join(text.split()))
