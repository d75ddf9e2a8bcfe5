"""`make preflight` and the part of it that CI runs."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.preflight.checklist import check_account, check_offline
from local.preflight.checks.lint import check_lint
from local.preflight.checks.parameters import SUBJECT as PARAMETERS
from local.preflight.finding import Finding, State
from local.preflight.target import Target
from local.progress import Terminal
from local.template.linters import run_cfn_lint, run_checkov
from local.template.samconfig import environments

_MARKS = {
    State.OK: "[green]✓[/green]",
    State.WARNING: "[yellow]![/yellow]",
    State.NEEDS_OPERATOR: "[yellow]?[/yellow]",
    State.FAULT: "[red]✗[/red]",
}


def preflight(environment: str, console: Console, *, offline: bool) -> int:
    """Check an environment and print the findings. The exit status: 1 if a deployment must not start.

    Offline, settings that only the operator knows are not required. Raises LookupError and ToolError like
    ``Target``.
    """
    progress = Terminal(console)
    with progress.step(f"Read the template for {environment}"):
        target = Target.of_environment(environment)
        findings = [*check_offline(target), *check_lint(target)]
    broken = any(finding.subject == PARAMETERS and finding.state is State.FAULT for finding in findings)
    if not offline and not broken:
        with progress.step("Query AWS"):
            findings += check_account(target)
    show(findings, console)
    if not _stops(findings, offline=offline):
        return 0
    console.print(f"[red]{environment} is not ready to be deployed.[/red] Fix what is marked ✗ or ? first.")
    return 1


def check_template(console: Console) -> int:
    """Lint the template as it is deployed and check it for every environment, without an account.

    The exit status: 1 if there is a fault.
    """
    progress = Terminal(console)
    template = Target.of_environment("prod").template
    linters: tuple[tuple[str, Callable[[], list[str]]], ...] = (
        ("cfn-lint", lambda: run_cfn_lint(template)),
        ("checkov", lambda: run_checkov(template)),
    )
    failed = False
    for name, run in linters:
        with progress.step(f"Lint with {name}"):
            complaints = run()
        for complaint in complaints:
            console.print(complaint, markup=False, highlight=False)
        failed |= bool(complaints)
    for environment in environments():
        with progress.step(f"Check {environment} offline"):
            findings = list(check_offline(Target.of_environment(environment)))
        show([finding for finding in findings if finding.state is not State.OK], console)
        failed |= _stops(findings, offline=True)
    if failed:
        console.print("[red]The template is not ready to be deployed.[/red] Fix the problems above.")
    return int(failed)


def show(findings: Sequence[Finding], console: Console) -> None:
    """A table of the findings, followed by the remedies, on lines that can be copied."""
    if not findings:
        return
    table = Table("", "Subject", "Found", header_style="bold")
    table.columns[2].overflow = "fold"
    for finding in findings:
        table.add_row(_MARKS[finding.state], escape(finding.subject), escape(finding.found))
    console.print(table)
    for state, subject, remedy in dict.fromkeys((item.state, item.subject, item.remedy) for item in findings):
        if remedy:
            told = f"{_MARKS[state]} [bold]{escape(subject)}:[/bold] {escape(remedy)}"
            console.print(told, highlight=False, soft_wrap=True)


def _stops(findings: Sequence[Finding], *, offline: bool) -> bool:
    stopping = {State.FAULT} if offline else {State.FAULT, State.NEEDS_OPERATOR}
    return any(finding.state in stopping for finding in findings)
