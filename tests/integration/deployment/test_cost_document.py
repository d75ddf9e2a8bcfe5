"""docs/cost.md and the READMEs say what was measured last, times prices, and nothing that was typed."""

from pathlib import Path

import pytest

from bench.bill.alternatives import OFFERS
from bench.bill.measurement import Measurement
from docs.generate import cost
from docs.generate.cost_words import CHINESE, ENGLISH, Words
from docs.generate.pages import with_tables, write_or_check
from local.tools import ROOT

COMMAND = "make bill"


def status(*arguments: str) -> int:
    return write_or_check(cost.documents(Measurement.load()), arguments, COMMAND)


def test_the_committed_tables_are_up_to_date() -> None:
    assert status("--check") == 0


def test_tables_that_are_out_of_date_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "cost.md"
    stale.write_text(
        (ROOT / "docs/cost.md").read_text().replace("| API Gateway | 7.00 |", "| API Gateway | 6 |")
    )
    monkeypatch.setattr(cost, "PAGES", {stale: ENGLISH})
    monkeypatch.setattr(cost, "READMES", {})

    assert status("--check") == 1
    assert capsys.readouterr().err == f"{stale} is out of date; run: {COMMAND}\n"
    assert status() == 0
    assert status("--check") == 0


@pytest.mark.parametrize("words", [ENGLISH, CHINESE])
def test_a_document_without_a_place_for_a_table_is_refused(words: Words) -> None:
    tables = cost.of_page(Measurement.load(), words)
    with pytest.raises(LookupError, match="no place for the table task"):
        with_tables("# Cost\n", tables, COMMAND)


def test_every_kind_that_was_measured_has_a_name() -> None:
    kinds = Measurement.load().kinds.keys()
    assert kinds == ENGLISH.kinds.keys() == CHINESE.kinds.keys()


@pytest.mark.parametrize(("amount", "shown"), [(0, "0"), (0.4, "0.40"), (10.16, "10.2"), (1_140.46, "1,140")])
def test_an_amount_has_as_many_digits_as_tell_something(amount: float, shown: str) -> None:
    assert cost.usd(amount) == shown


@pytest.mark.parametrize("page", cost.PAGES, ids=lambda page: page.parent.name)
def test_a_page_names_the_source_of_every_offers_price(page: Path) -> None:
    text = page.read_text("utf-8")
    assert [source for offer in OFFERS for source in offer.sources if source not in text] == []
