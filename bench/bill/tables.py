"""The bill as tables: titles, columns and rows of strings, in USD."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.bill import standing
from bench.bill.bill import task
from bench.bill.measurement import Kind, Measurement
from bench.bill.prices import MILLION, Service
from bench.bill.usage import Usage
from local.preflight.target import Target
from local.template.transformed import transformed

RATES = {"1 a minute": 1 / 60, "1 a second": 1, "4 a second": 4, "100 a second": 100}
PLAIN = "short"
BISECTIONS = 30
LEAST_SHOWN = 0.005
"""The value in USD from which a row is shown."""


@dataclass(frozen=True)
class Table:
    """Rows by name; names and column titles are translated by the reader."""

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float, ...]]


def defaults() -> Target:
    """A deployment with the parameters' defaults."""
    return Target("default", "a2a-tasks", transformed({}), {})


def of_a_task(measured: Measurement, name: str = PLAIN) -> Table:
    """A million tasks of one kind, by cost item, at each rate."""
    bills = [_by_service(task(measured, measured.kinds[name], rate)) for rate in RATES.values()]
    used = [row for row in bills[0] if any(_million(bill[row]) >= LEAST_SHOWN for bill in bills)]
    rows = {row: tuple(_million(bill[row]) for bill in bills) for row in used}
    sums = tuple(map(sum, zip(*rows.values(), strict=True)))
    return Table(tuple(RATES), rows | {"sum": sums})


def of_kinds(measured: Measurement) -> Table:
    """A million tasks of each kind at each rate."""
    return Table(
        tuple(RATES),
        {
            name: tuple(_total(measured, kind, rate) for rate in RATES.values())
            for name, kind in measured.kinds.items()
        },
    )


def of_a_month(measured: Measurement, target: Target) -> Table:
    """A month without calls, by cost item."""
    rows = {name: (usage.usd,) for name, usage in standing.month(measured, target).items()}
    return Table(("USD",), rows | {"sum": (sum(usd for (usd,) in rows.values()),)})


def break_even(measured: Measurement, target: Target, usd_a_month: float) -> float:
    """The number of plain tasks a second at which a month costs this much; the lowest or highest of ``RATES``
    if it is outside of them."""
    least, most = min(RATES.values()), max(RATES.values())
    (at_rest,) = of_a_month(measured, target).rows["sum"]
    for _ in range(BISECTIONS):
        rate = (least * most) ** 0.5
        tasks = rate * standing.SECONDS_A_MONTH
        if at_rest + tasks * _total(measured, measured.kinds[PLAIN], rate) / MILLION < usd_a_month:
            least = rate
        else:
            most = rate
    return most


def _total(measured: Measurement, kind: Kind, rate: float) -> float:
    return _million(Usage.sum(task(measured, kind, rate).values()))


def _by_service(bill: Mapping[str, Usage]) -> dict[str, Usage]:
    """The worker's time, that of all other functions together, and every other service."""
    others = [usage for name, usage in bill.items() if name != "Worker"]
    by_service = {
        "worker": bill["Worker"].of(Service.LAMBDA),
        "functions": Usage.sum(others).of(Service.LAMBDA),
    }
    everything = Usage.sum(bill.values())
    rest = (service for service in Service if service is not Service.LAMBDA)
    return by_service | {service.value: everything.of(service) for service in rest}


def _million(usage: Usage) -> float:
    return usage.usd * MILLION
