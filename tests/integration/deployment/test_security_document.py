"""docs/security.md says what the template's roles may do, and what one caller can hold."""

from copy import deepcopy
from pathlib import Path

import pytest

from docs.generate import security, shares
from docs.generate.pages import write_or_check
from local.template.transformed import transformed

COMMAND = "make security"


def status(*arguments: str) -> int:
    return write_or_check(security.documents(), arguments, COMMAND)


def test_the_committed_tables_are_up_to_date() -> None:
    assert status("--check") == 0


def test_tables_that_are_out_of_date_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "security.md"
    stale.write_text(security.DOCUMENT.read_text().replace("sqs:SendMessage", "sqs:DeleteMessage"))
    monkeypatch.setattr(security, "DOCUMENT", stale)

    assert status("--check") == 1
    assert capsys.readouterr().err == f"{stale} is out of date; run: {COMMAND}\n"
    assert status() == 0
    assert status("--check") == 0


def test_a_row_says_what_on_what_and_when() -> None:
    rows = security.rendered(transformed({})).splitlines()

    assert "| `dynamodb:GetItem` | `RegistryTable` | `dynamodb:LeadingKeys` is `KEY#*` |" in rows
    inference = next(row for row in rows if "aws-external-anthropic:CreateInference" in row)
    assert inference.endswith("| the stack has `IsClaudeOnAws` |")


@pytest.mark.parametrize(
    ("parameter", "value", "who", "what"),
    [
        ("OpenStreams", 51, "one key", "streams and waits"),
        ("RequestsPerHour", 36_001, "one key", "requests"),
        ("TaskCreationsPerHour", 3_601, "one key", "new tasks"),
        ("WorkerConcurrency", 15, "one project", "workers"),
        ("WebhookConcurrency", 11, "one project", "receivers that do not answer"),
        ("WebhookConcurrency", 11, "one project", "receivers that answer slowly"),
        ("WecomQuestionsPerHour", 121, "one person in WeCom", "questions"),
        ("PublicRateLimit", 21, "strangers", "what takes no key"),
        ("WecomRateLimit", 101, "strangers", "WeCom's callbacks"),
        ("ThrottlingRateLimit", 201, "strangers", "wrong keys"),
    ],
)
def test_what_one_caller_can_hold_follows_from_the_templates_defaults(
    parameter: str, value: int, who: str, what: str
) -> None:
    changed = deepcopy(transformed({}))
    changed["Parameters"][parameter]["Default"] = value
    before, after = shares.shares(transformed({})), shares.shares(changed)

    differ = [one for one, other in zip(after, before, strict=True) if one != other]
    assert (who, what) in [(one.who, one.what) for one in differ]
    assert shares.rendered(changed) not in security.DOCUMENT.read_text()


def test_a_key_holds_no_more_processes_than_its_streams() -> None:
    """One key held 1,000 at 48 USD an hour."""
    (streams,) = [one for one in shares.shares(transformed({})) if one.what == "streams and waits"]
    assert streams.seconds == 50 * 3_600
    assert streams.usd_in_all < 3
    few = streams.capped({"ApiConcurrency": 1, "MessagesConcurrency": 2, "A2AConcurrency": 3})
    assert few.seconds == 6 * 3_600
    assert few.usd_in_all == pytest.approx(streams.usd_in_all * 6 / 50)


def test_every_method_of_the_api_is_counted_once() -> None:
    open_methods, keyed = shares._methods(transformed({}))
    assert (open_methods, open_methods + keyed) == (9, 34)
