"""What linters find is excused by an entry with a reason, and by none that has outlived it."""

from pathlib import Path

import pytest

from local.template.suppressions import Suppression, Violation, read_suppressions, unexpected

FOUND = Violation("checkov", "CKV_AWS_27", "TaskQueue", "not encrypted", "at rest")


def entry(rule: str = "CKV_AWS_27", pattern: str = "*Queue", what: str = "") -> Suppression:
    return Suppression("checkov", rule, pattern, what, "a reason")


@pytest.mark.parametrize("suppression", [entry(), entry(pattern="TaskQueue"), entry(what="at rest")])
def test_a_violation_is_excused_by_an_entry_for_it(suppression: Suppression) -> None:
    assert unexpected([FOUND], [suppression]) == []


@pytest.mark.parametrize(
    "suppression",
    [entry("CKV_AWS_1"), entry(pattern="Task"), entry(what="in transit")],
    ids=lambda item: item.rule,
)
def test_an_entry_for_something_else_excuses_nothing_and_must_go(suppression: Suppression) -> None:
    violation, stale = unexpected([FOUND], [suppression])

    assert violation == "TaskQueue: not encrypted (checkov CKV_AWS_27)"
    assert stale.endswith("delete the entry")


def test_each_pattern_of_an_entry_covers_something(tmp_path: Path) -> None:
    path = tmp_path / "suppressions.toml"
    path.write_text(
        '[[checkov]]\nrule = "CKV_AWS_27"\nresources = ["TaskQueue", "GoneQueue"]\nreason = "managed"\n'
    )

    (stale,) = unexpected([FOUND], read_suppressions("checkov", path))

    assert "GoneQueue" in stale


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "suppressions.toml"
    path.write_text('[[checkov]]\nrule = "CKV_AWS_27"\nresources = ["TaskQueue"]\nreason = " "\n')

    with pytest.raises(ValueError, match="CKV_AWS_27 has no reason"):
        read_suppressions("checkov", path)
