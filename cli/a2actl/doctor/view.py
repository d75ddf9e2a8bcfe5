"""What was found, as a table for a person and as JSON."""

from collections.abc import Sequence
from typing import Any

import typer

from a2actl.doctor.finding import Finding, State
from a2actl.terminal.amount import counted
from a2actl.terminal.output import one_line, show_table

MARKS = {State.OK: "✓", State.WARNING: "!", State.FAULT: "✗"}


def to_json(stack_name: str, findings: Sequence[Finding], runbook: str) -> dict[str, Any]:
    """``{"stack", "ok", "findings": [{"state", "subject", "found", "remedy"?, "page"?}]}``."""
    return {
        "stack": stack_name,
        "ok": not any(finding.state is State.FAULT for finding in findings),
        "findings": [_finding_json(finding, runbook) for finding in findings],
    }


def show(findings: Sequence[Finding], runbook: str) -> None:
    """A table, and below it what to do, in lines that can be copied."""
    show_table(("", "SUBJECT", "FOUND"), [(MARKS[item.state], item.subject, item.found) for item in findings])
    told = dict.fromkeys((item.state, item.subject, item.remedy, item.page) for item in findings)
    for state, subject, remedy, page in told:
        if remedy:
            more = f" ({_address(page, runbook)})" if page else ""
            typer.echo(one_line(f"{MARKS[state]} {subject}: {remedy}{more}"))


def verdict(findings: Sequence[Finding]) -> str:
    """Such as ``Well, with 2 warnings.``"""
    faults = sum(finding.state is State.FAULT for finding in findings)
    warnings = sum(finding.state is State.WARNING for finding in findings)
    counts = ((faults, "fault"), (warnings, "warning"))
    parts = [counted(count, what) for count, what in counts if count]
    return f"{'Not well' if faults else 'Well'}{': ' if parts else ''}{' and '.join(parts)}."


def _finding_json(finding: Finding, runbook: str) -> dict[str, Any]:
    shown = {"state": finding.state.value, "subject": finding.subject, "found": finding.found}
    if finding.remedy:
        shown["remedy"] = finding.remedy
    return shown | ({"page": _address(finding.page, runbook)} if finding.page else {})


def _address(page: str, runbook: str) -> str:
    """Where a page below ``docs`` is read: where the deployment's alarms lead to, if they do."""
    below = page.removeprefix("runbook/")
    return f"{runbook.rstrip('/')}/{below}" if runbook and below != page else f"docs/{page}"
