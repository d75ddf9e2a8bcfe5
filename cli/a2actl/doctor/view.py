"""The findings, as a table and as JSON."""

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
    """A table, and below it the remedies, in lines that can be copied."""
    show_table(("", "SUBJECT", "FOUND"), [(MARKS[item.state], item.subject, item.found) for item in findings])
    told = dict.fromkeys((item.state, item.subject, item.remedy, item.page) for item in findings)
    for state, subject, remedy, page in told:
        if remedy:
            more = f" ({_address(page, runbook)})" if page else ""
            typer.echo(one_line(f"{MARKS[state]} {subject}: {remedy}{more}"))


def verdict(findings: Sequence[Finding]) -> str:
    """Such as ``Healthy: 2 warnings.``"""
    faults = sum(finding.state is State.FAULT for finding in findings)
    warnings = sum(finding.state is State.WARNING for finding in findings)
    counts = ((faults, "fault"), (warnings, "warning"))
    parts = [counted(count, what) for count, what in counts if count]
    return f"{'Not healthy' if faults else 'Healthy'}{': ' if parts else ''}{' and '.join(parts)}."


def _finding_json(finding: Finding, runbook: str) -> dict[str, Any]:
    shown = {"state": finding.state.value, "subject": finding.subject, "found": finding.found}
    if finding.remedy:
        shown["remedy"] = finding.remedy
    return shown | ({"page": _address(finding.page, runbook)} if finding.page else {})


def _address(page: str, runbook: str) -> str:
    """A page below ``docs`` at the address that the deployment's alarms use, if they have one."""
    below = page.removeprefix("runbook/")
    return f"{runbook.rstrip('/')}/{below}" if runbook and below != page else f"docs/{page}"
