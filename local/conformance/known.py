"""The kit's tests that are known to fail, and why."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from local.conformance.kit import Result

PATH = Path(__file__).with_name("known.toml")


def known_failures(path: Path = PATH) -> dict[str, str]:
    """Reasons by test."""
    with path.open("rb") as file:
        entries = tomllib.load(file)["known"]
    return {test: entry["reason"] for entry in entries for test in entry["tests"]}


def unexpected(results: Sequence[Result], known: dict[str, str]) -> list[Result]:
    """Unknown failures of tests at level must."""
    return [each for each in failed(results) if each.level == "must" and each.id not in known]


def failed(results: Sequence[Result]) -> list[Result]:
    return [each for each in results if each.outcome == "failed"]


def outdated(results: Sequence[Result], known: dict[str, str]) -> dict[str, str]:
    """Messages about entries that no longer apply, by test."""
    outcomes = {each.id: each.outcome for each in results}
    said = {"passed": "passes", "skipped": "is skipped"}
    return {
        test: said.get(outcomes.get(test, ""), "is not a test of this kit")
        for test in known
        if outcomes.get(test) != "failed"
    }
