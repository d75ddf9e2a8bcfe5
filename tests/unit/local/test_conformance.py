"""`make conformance`: what the kit's scenarios make the stand-in do, and what is said of its results."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from local.conformance.kit import Result
from local.conformance.known import known_failures, outdated, unexpected
from local.conformance.report import show, table
from local.conformance.scenarios import DEFAULT, directive_of, directives_of
from local.standin.directive import find_steps
from local.standin.step import Say, Step, UseTool
from local.tools import ToolError

FEATURE = '''
Feature: An agent

  # what is said
  Scenario: It answers
    When a message is received with prefix "say"
    Then complete the task with the message "Hello; | ]]"

  Scenario: It hands over a value
    When a message is received with prefix "say-data"
    Then complete the task
    And add an artifact with a data part:
      """json
      {"n": 1}
      """

  Scenario: It hands over two files, and refuses
    When a streaming message is received with prefix "files"
    Then stream a status update to "working"
    And stream an artifact with a file part named "a.txt" with media type "text/plain"
    And add an artifact with a file url "https://example.com/b" named "b" with media type "text/html"
    And reject with error "no"

  Scenario: It asks
    When a message is received with prefix "ask"
    Then update the task status to "input_required"
'''


def kit_of(folder: Path, feature: str) -> Path:
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "a.feature").write_text(feature)
    return folder


def steps(directives: dict[str, str], message_id: str) -> tuple[Step, ...]:
    return find_steps(directive_of(message_id, directives))


def test_a_scenario_is_what_the_stand_in_does(tmp_path: Path) -> None:
    directives = directives_of(kit_of(tmp_path, FEATURE))

    assert steps(directives, "say-1")[0].parts == (Say("Hello; | ]]"),)
    saved, done = steps(directives, "say-data-1")
    assert saved.parts[0] == UseTool(
        "save_artifact", {"name": "data", "media_type": "application/json", "data": {"n": 1}}
    )
    assert done.parts == (Say("Done."),)
    both, refused = steps(directives, "files")
    assert [part.input["name"] for part in both.parts if isinstance(part, UseTool)] == ["a.txt", "b"]
    assert refused.stop == "refusal"
    asks, goes_on = steps(directives, "ask")
    assert (asks.parts[0], goes_on.follows) == (UseTool("ask_user", {"question": "Go on?"}), True)


def test_a_message_of_no_scenario_is_answered_at_once() -> None:
    assert directive_of("other", {"say": "x"}) == DEFAULT


@pytest.mark.parametrize(
    ("feature", "problem"),
    [(FEATURE + '    And dance with "me"\n', "dance"), ("Feature: none\n", "no scenarios")],
)
def test_a_kit_that_is_not_understood_is_an_error(tmp_path: Path, feature: str, problem: str) -> None:
    with pytest.raises(ToolError, match=problem):
        directives_of(kit_of(tmp_path, feature))


def result(test: str, outcome: str, level: str = "must", binding: str = "jsonrpc") -> Result:
    return Result(test, level, binding, outcome, "because")


RESULTS = [
    result("a", "passed"),
    result("b", "failed"),
    result("c", "failed"),
    result("d", "failed", "should", "http_json"),
    result("e", "skipped", binding=""),
]


def test_only_what_must_not_fail_and_is_not_known_is_unexpected() -> None:
    assert [each.id for each in unexpected(RESULTS, {"b": "theirs"})] == ["c"]
    assert unexpected(RESULTS, {"b": "theirs", "c": "theirs"}) == []


def test_what_is_known_and_no_longer_so_is_told() -> None:
    known = dict.fromkeys("abez", "theirs")

    assert outdated(RESULTS, known) == {"a": "passes", "e": "is skipped", "z": "is not a test of this kit"}


def test_a_report_counts_and_names_what_failed() -> None:
    console = Console(file=io.StringIO(), width=120)

    show(RESULTS, {"b": "The kit is wrong.", "a": "It was."}, console)

    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "1 / 2 / 0" in text
    assert "known MUST b\n  The kit is wrong." in text
    assert "failed SHOULD d\n  because" in text
    assert "a passes: remove it" in text
    assert table(RESULTS).row_count == 3


def test_each_known_failure_is_told_with_its_reason() -> None:
    known = known_failures()

    assert known
    assert all(len(reason) > 40 for reason in known.values())
    assert all("::" in test for test in known)
