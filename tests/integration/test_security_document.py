"""docs/security.md says what the template's roles may do."""

from pathlib import Path

import pytest

from docs import security
from local.transformed import transformed


def test_the_committed_tables_are_up_to_date() -> None:
    assert security.main(["--check"]) == 0


def test_tables_that_are_out_of_date_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "security.md"
    stale.write_text(security.DOCUMENT.read_text().replace("sqs:SendMessage", "sqs:DeleteMessage"))
    monkeypatch.setattr(security, "DOCUMENT", stale)

    assert security.main(["--check"]) == 1
    assert "make security" in capsys.readouterr().err
    assert security.main([]) == 0
    assert security.main(["--check"]) == 0


def test_a_row_says_what_on_what_and_when() -> None:
    rows = security.rendered(transformed({})).splitlines()

    assert "| `dynamodb:GetItem` | `RegistryTable` | `dynamodb:LeadingKeys` is `KEY#*` |" in rows
    inference = next(row for row in rows if "aws-external-anthropic:CreateInference" in row)
    assert inference.endswith("| the stack has `IsClaudeOnAws` |")
