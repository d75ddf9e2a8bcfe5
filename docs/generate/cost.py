"""The tables of a deployment's costs, from the last measurement:
``python -m docs.generate.cost [--check]``.

Writes them into ``docs/cost.md``, its Chinese twin and both READMEs, each between two marks, or with
``--check`` only says whether they are up to date (exit status 1 if not). Needs no AWS account.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.bill.alternatives import CONTAINER_MONTH, OFFERS, Offer
from bench.bill.measurement import Measurement
from bench.bill.prices import AS_OF, PRICES, Unit
from bench.bill.standing import metrics_with_traffic
from bench.bill.tables import PLAIN, RATES, Table, break_even, defaults, of_a_month, of_a_task, of_kinds
from docs.generate.cost_words import CHINESE, ENGLISH, Words
from docs.generate.pages import with_tables, write_or_check
from local.tools import ROOT

PAGES = {ROOT / "docs/cost.md": ENGLISH, ROOT / "docs/zh-CN/cost.md": CHINESE}
READMES = {ROOT / "README.md": ENGLISH, ROOT / "README.zh-CN.md": CHINESE}
SECONDS_A_DAY = 86_400
UNKNOWN = "?"


def of_page(measured: Measurement, words: Words) -> dict[str, str]:
    """The tables of the page, by name."""
    return {
        "task": _of_rates(of_a_task(measured), words, words.kinds[PLAIN]),
        "kinds": _of_rates(of_kinds(measured), words, ""),
        "month": _of_month(of_a_month(measured, defaults()), words),
        "traffic": _of_traffic(measured, words),
        "others": _of_others(measured, words),
        "even": words.even.format(tasks=_a_day(break_even(measured, defaults(), CONTAINER_MONTH))),
        "prices": _of_prices(words),
        "measured": words.measured.format(date=measured.measured_on, prices=AS_OF),
    }


def of_readme(measured: Measurement, words: Words) -> dict[str, str]:
    """A README's table, without alternatives that cost nothing but tokens."""
    charged = [offer for offer in OFFERS if offer.usd_a_month or any(offer.usd)]
    return {"cost": _of_others(measured, words, charged)}


def _of_rates(table: Table, words: Words, title: str) -> str:
    rows = [[words.of(name), *map(usd, values)] for name, values in table.rows.items()]
    return markdown([title, *(words.rates[rate] for rate in table.columns)], rows)


def _of_month(table: Table, words: Words) -> str:
    return markdown(["", "USD"], [[words.of(name), usd(value)] for name, (value,) in table.rows.items()])


def _of_traffic(measured: Measurement, words: Words) -> str:
    more = metrics_with_traffic(measured, defaults())
    return words.traffic.format(metrics=more.units[Unit.METRICS], usd=usd(more.usd))


def _of_others(measured: Measurement, words: Words, offers: Iterable[Offer] = OFFERS) -> str:
    """The cost of a million tasks, and of a month without any."""
    (at_rest,) = of_a_month(measured, defaults()).rows["sum"]
    ours = of_kinds(measured).rows[PLAIN]
    names = [words.rates[rate] for rate in RATES]
    each = (words.at_rate.format(usd=usd(cost), rate=name) for cost, name in zip(ours, names, strict=True))
    rows = [[f"**a2a-tasks**, {words.at_rates}", words.separator.join(each), usd(at_rest)]]
    rows += [[words.offers[offer.name], _range(offer), _at_rest(offer)] for offer in offers]
    return markdown([words.beside, words.a_million, words.a_month], rows)


def _range(offer: Offer) -> str:
    least, most = offer.usd
    return usd(least) if least == most else f"{usd(least)}–{usd(most)}"


def _at_rest(offer: Offer) -> str:
    return UNKNOWN if offer.usd_a_month is None else usd(offer.usd_a_month)


def _of_prices(words: Words) -> str:
    rows = [
        [f"[{price.service}]({price.source})", words.units[unit], f"{price.usd:g}", f"{price.per:,.0f}"]
        for unit, price in PRICES.items()
    ]
    return markdown([words.service, words.unit, "USD", words.per], rows)


def _a_day(a_second: float) -> str:
    """Tasks a day, in thousands."""
    return f"{round(a_second * SECONDS_A_DAY, -3):,.0f}"


def usd(amount: float) -> str:
    """Rounded to significant digits."""
    if not amount:
        return "0"
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.1f}" if amount >= 10 else f"{amount:.2f}"


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is a label."""
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def documents(measured: Measurement) -> Iterator[tuple[Path, str]]:
    """Each document with its current tables."""
    for pages, tables in ((PAGES, of_page), (READMES, of_readme)):
        for path, words in pages.items():
            yield path, with_tables(path.read_text("utf-8"), tables(measured, words), "make bill")


if __name__ == "__main__":
    sys.exit(write_or_check(documents(Measurement.load()), sys.argv[1:], "python -m docs.generate.cost"))
