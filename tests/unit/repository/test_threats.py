"""The threat model names code and tests that exist, the same in both languages."""

import re
from pathlib import Path

import pytest

from local.tools import ROOT
from tests.unit.repository.documents import CHINESE_DOCS, DOCS, name_of

CORE = ROOT / "layers" / "core" / "a2a_tasks"
PAGES = (DOCS / "security.md", CHINESE_DOCS / "security.md")
LETTERS = frozenset("STRIDE")
_ROW = re.compile(r"^\| (?P<letters>[STRIDE](?:[,、 ]+[STRIDE])*) \|(?P<rest>.*)\|$", re.M)
_FILE = re.compile(r"`([\w./-]+\.(?:py|yaml))`")


def threats(page: Path) -> list[tuple[str, list[str]]]:
    """Of each: its letters, and what the columns after the threat itself say."""
    return [
        (row["letters"].replace("、", ", "), row["rest"].split("|")[1:])
        for row in _ROW.finditer(page.read_text("utf-8"))
    ]


def files(text: str) -> list[Path]:
    return [ROOT / name if (ROOT / name).exists() else CORE / name for name in _FILE.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_stops_a_threat_and_what_shows_it_are_there(page: Path) -> None:
    found = threats(page)

    assert {letter for letters, _ in found for letter in letters.split(", ")} == LETTERS
    for _, (stopped_by, shown_by, remains) in found:
        code, tests = files(stopped_by), files(shown_by)
        assert [path for path in (*code, *tests) if not path.is_file()] == []
        assert code, stopped_by
        assert tests, shown_by
        assert {path.relative_to(ROOT).parts[0] for path in tests} == {"tests"}
        assert remains.strip()


def test_both_languages_have_the_same_threats() -> None:
    english, chinese = (
        [(letters, [files(column) for column in columns]) for letters, columns in threats(page)]
        for page in PAGES
    )
    assert chinese == english
