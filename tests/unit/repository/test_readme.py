"""What users, operators and administrators of WeCom read says the same in English and in Chinese."""

import re
from pathlib import Path

import pytest

from tests.unit.repository.documents import (
    CHINESE_DOCS,
    CHINESE_README,
    DOCS,
    README,
    fenced,
    links,
    name_of,
    prose,
    uncommented,
)

DEVELOPERS_READ = {"data-model.md", "decisions.md"}
PAIRS = {README: CHINESE_README} | {
    DOCS / page.relative_to(CHINESE_DOCS): page for page in sorted(CHINESE_DOCS.rglob("*.md"))
}
ENGLISH = {chinese: english for english, chinese in PAIRS.items()}
_HEADING = re.compile(r"^(#+) ", re.M)
_TABLE = re.compile(r"(?:^\|.*\n)+", re.M)

both_languages = pytest.mark.parametrize(("english", "chinese"), PAIRS.items(), ids=name_of)


def test_every_page_for_users_is_in_both_languages() -> None:
    pages = {*DOCS.glob("*.md"), *(DOCS / "runbook").glob("*.md")}
    assert PAIRS.keys() - {README} == {page for page in pages if page.name not in DEVELOPERS_READ}


@pytest.mark.parametrize("readme", [README, CHINESE_README], ids=name_of)
def test_a_readme_is_read_in_a_few_minutes(readme: Path) -> None:
    assert len(readme.read_text("utf-8").splitlines()) <= 120


@both_languages
def test_both_have_the_same_code(english: Path, chinese: Path) -> None:
    assert _code(chinese) == _code(english)


@both_languages
def test_both_have_the_same_headings(english: Path, chinese: Path) -> None:
    assert _HEADING.findall(prose(chinese)) == _HEADING.findall(prose(english))


@both_languages
@pytest.mark.parametrize("pattern", [r"`([A-Z]{3,}_[A-Z_]+)`", r"`((?:GET|POST|DELETE) /[^`]*)`"])
def test_both_name_the_same_codes_and_routes(pattern: str, english: Path, chinese: Path) -> None:
    assert set(re.findall(pattern, prose(chinese))) == set(re.findall(pattern, prose(english)))


@both_languages
def test_both_have_the_same_links(english: Path, chinese: Path) -> None:
    each_other = {english, chinese}
    in_chinese = {ENGLISH.get(target, _picture(target)) for target in links(chinese) - each_other}
    assert in_chinese == links(english) - each_other


@both_languages
def test_both_have_tables_of_the_same_length(english: Path, chinese: Path) -> None:
    assert _rows(chinese) == _rows(english)


def test_the_readmes_link_to_each_other_and_each_to_pages_of_its_language() -> None:
    assert CHINESE_README in links(README)
    assert README in links(CHINESE_README)
    assert not links(CHINESE_README) & set(PAIRS) - {README}
    assert not links(README) & set(ENGLISH) - {CHINESE_README}


def _code(page: Path) -> list[tuple[str, str]]:
    return [(language, uncommented(code)) for language, code in fenced(page)]


def _picture(file: Path) -> Path:
    """The English twin of a Chinese picture; any other file as it is."""
    return file.with_name(file.name.replace(".zh.png", ".png"))


def _rows(page: Path) -> list[int]:
    return [len(table.splitlines()) for table in _TABLE.findall(prose(page))]
