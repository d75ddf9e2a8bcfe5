"""`python -m bench bill`: measures the billed usage, saves it in `bench/results/`, and prints the bill."""

from bench.bill.measure import measure
from bench.bill.measurement import SAVED, Measurement
from bench.bill.tables import Table, defaults, of_a_month, of_a_task, of_kinds
from bench.report import console, step, table
from local.deployed import Project


def run(project: Project) -> None:
    """Print the tables."""
    measured = measure(project)
    measured.save()
    show(measured)


def show(measured: Measurement) -> None:
    """Print the measured usage times prices."""
    _print("USD a million tasks of 1 KB that wait 30 s for Claude", of_a_task(measured))
    _print("USD a million tasks of each kind", of_kinds(measured))
    with step("Read the template"):
        target = defaults()
    _print("A month without calls", of_a_month(measured, target))
    console.print(f"Saved in {SAVED}; `make bill` writes it into the documentation.\n")


def _print(title: str, shown: Table) -> None:
    rows = [[name, *(f"{usd:,.2f}" for usd in values)] for name, values in shown.rows.items()]
    table(title, ["", *shown.columns], rows)
