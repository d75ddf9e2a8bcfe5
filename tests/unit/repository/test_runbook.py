"""Each alarm leads to a page that says what to do, and each page is somebody's alarm's."""

import re
from pathlib import Path
from typing import Any

import pytest

from local.tools import ROOT
from tests.cloudformation import of_type, referenced
from tests.unit.repository.documents import CHINESE_DOCS, DOCS, name_of
from tests.unit.repository.test_template import parse

TEMPLATE = parse(ROOT / "template.yaml")
COMPOSITES = of_type(TEMPLATE, "AWS::CloudWatch::CompositeAlarm")
ALARMS: dict[str, dict[str, Any]] = of_type(TEMPLATE, "AWS::CloudWatch::Alarm") | COMPOSITES
FOLDERS = (DOCS / "runbook", CHINESE_DOCS / "runbook")
INDEX = "index.md"

both_languages = pytest.mark.parametrize("folder", FOLDERS, ids=name_of)


def pages(folder: Path) -> set[str]:
    return {page.name for page in folder.glob("*.md")} - {INDEX}


def page_of(alarm: dict[str, Any]) -> str:
    """The page that an alarm's description ends with."""
    (name,) = re.findall(r" \$\{RunbookUrl\}/([a-z-]+\.md)$", alarm["AlarmDescription"]["Fn::Sub"])
    return str(name)


@both_languages
def test_every_alarm_has_a_page_and_every_page_an_alarm(folder: Path) -> None:
    assert {page_of(alarm) for alarm in ALARMS.values()} == pages(folder)


@both_languages
def test_a_page_names_the_alarms_that_lead_to_it(folder: Path) -> None:
    for page in pages(folder):
        told = set(re.findall(r"`(\w+Alarm)`", (folder / page).read_text("utf-8")))
        assert told == {name for name, alarm in ALARMS.items() if page_of(alarm) == page}, page


@both_languages
def test_a_page_says_how_urgent_its_alarms_are(folder: Path) -> None:
    """By the topic of those that tell somebody; of several, the first on the page is the urgent one."""
    words = {True: ("cannot wait", "不能等"), False: ("can wait until morning", "可以等到上班再处理")}
    for page in pages(folder):
        first = re.sub(r"\s+", " ", (folder / page).read_text("utf-8").partition("\n## ")[0])
        tells = [
            alarm for name, alarm in ALARMS.items() if page_of(alarm) == page and "AlarmActions" in alarm
        ]
        urgent = {"AlarmTopic" in referenced(alarm["AlarmActions"]) for alarm in tells}
        for is_urgent in urgent:
            assert any(word in first for word in words[is_urgent]), page
        if urgent == {False}:
            assert not any(word in first for word in words[True]), page


@both_languages
def test_the_index_leads_to_every_page(folder: Path) -> None:
    linked = re.findall(r"^\| \[[^]]+\]\(([a-z-]+\.md)\) \|", (folder / INDEX).read_text("utf-8"), re.M)
    assert sorted(linked) == sorted(pages(folder))


@both_languages
def test_every_page_has_the_same_four_parts(folder: Path) -> None:
    parts = {
        tuple(re.findall(r"^## (.*)$", (folder / page).read_text("utf-8"), re.M)) for page in pages(folder)
    }
    assert len(parts) == 1
    assert len(*parts) == 4


def exercises(folder: Path) -> set[tuple[str, str, Path]]:
    """Of the pages: page, test, and the test's file."""
    return {
        (page.name, name, (folder / path).resolve())
        for page in folder.glob("*.md")
        for name, path in re.findall(r"\[`(test_\w+)`\]\(([\w./-]+\.py)\)", page.read_text("utf-8"))
    }


def test_ten_symptoms_are_exercised() -> None:
    english, chinese = (exercises(folder) for folder in FOLDERS)
    assert chinese == english
    assert len(english) == 10
    for page, name, file in english:
        assert file.is_relative_to(ROOT / "tests" / "e2e"), page
        assert f"def {name}(" in file.read_text("utf-8"), page


def test_metrics_and_parameters_on_the_pages_exist() -> None:
    code = "".join(
        path.read_text("utf-8")
        for folder in ("layers/core", "functions")
        for path in (ROOT / folder).rglob("*.py")
    )
    from_aws = {
        "IteratorAge",
        "AsyncEventsDropped",
        "RecursiveInvocationsDropped",
        "PutFunctionRecursionConfig",
    }
    known = {*TEMPLATE["Parameters"], *TEMPLATE["Resources"], *from_aws}
    for page in pages(FOLDERS[0]):
        named = re.findall(r"`([A-Z][a-z]+[A-Z][A-Za-z]+)(?:=\w+)?`", (FOLDERS[0] / page).read_text("utf-8"))
        assert {name for name in named if name not in known and f'"{name}"' not in code} == set(), page
