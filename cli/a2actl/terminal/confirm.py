"""Confirmation of destructive commands."""

import sys

import typer

from a2actl.terminal.fault import Fault
from a2actl.terminal.output import printable

Yes = typer.Option("--yes", help="Confirm in advance.")


def confirm(question: str, *, yes: bool) -> None:
    """Returns if the operator agrees, or has done so with ``--yes``. Raises ``Fault`` otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Fault(f"{question} There is no terminal to confirm; use --yes.")
    if not typer.confirm(printable(question), err=True):
        raise Fault("Nothing was done.")
