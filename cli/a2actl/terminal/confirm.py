"""Asking before something is destroyed."""

import sys

import typer

from a2actl.terminal.fault import Fault
from a2actl.terminal.output import printable

Yes = typer.Option("--yes", help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Returns if the operator agrees, or has done so with ``--yes``. Raises ``Fault`` otherwise."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Fault(f"{question} Nobody is there to answer; --yes says so beforehand.")
    if not typer.confirm(printable(question), err=True):
        raise Fault("Nothing was done.")
