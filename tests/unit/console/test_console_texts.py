"""The console speaks two languages, and says everything in both."""

import re
from pathlib import Path

import pytest

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.history.event import PendingReason
from a2a_tasks.domain.task import Lane, Priority, Status
from functions.api.console.answers import STATIC

TEXT = re.compile(r'^  "(?P<name>[\w.]+)": "(?P<text>.*)",$', re.MULTILINE)
NAMED = re.compile(r"\bt\(\"([\w.]+)\"")
QUOTED = re.compile(r"\"([\w.]+)\"")
COMPOSED = re.compile(r"(?:\bt\(`|named\(\")([\w.]+?)\.?(?:\$\{|\")")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
OF_THE_API_ALONE = "api."
"""Errors, which the API itself tells in English."""


def texts(language: str) -> dict[str, str]:
    return dict(TEXT.findall((STATIC / "texts" / f"{language}.js").read_text()))


def code() -> str:
    return "".join(path.read_text() for path in _modules())


def _modules() -> list[Path]:
    return [path for path in STATIC.rglob("*.js") if not {"vendor", "texts"} & set(path.parts)]


def test_both_languages_have_the_same_texts_with_the_same_blanks() -> None:
    english, chinese = texts("en"), texts("zh")
    assert english.keys() == {name for name in chinese if not name.startswith(OF_THE_API_ALONE)}
    for name, text in english.items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(chinese[name])), name


def test_every_text_that_is_asked_for_is_there_and_none_is_left_over() -> None:
    english, composed = texts("en"), tuple(f"{each}." for each in COMPOSED.findall(code()))
    assert set(NAMED.findall(code())) <= english.keys()
    left = english.keys() - set(QUOTED.findall(code()))
    assert {name for name in left if not name.startswith(composed)} == set()


@pytest.mark.parametrize(
    ("prefix", "values"),
    [
        ("status", list(Status)),
        ("failure", list(FailureCode)),
        ("outcome", [*PendingReason, *Status, "ok", "error"]),
        ("wait", ["start", *PendingReason]),
        ("lane", [each for each in Lane if each is not Lane.STANDARD]),
        ("priority", [each for each in Priority if each is not Priority.NORMAL]),
    ],
)
def test_what_the_api_names_has_a_text(prefix: str, values: list[str]) -> None:
    assert {f"{prefix}.{value}" for value in values} <= texts("en").keys()
