"""``a2actl usage``: usage by agent, model or key, added up from the tasks."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from a2a_tasks.domain.errors import RequestRefused
from a2actl.agents.commands import AsJson, check_project
from a2actl.deployment.stack import chosen_stack
from a2actl.terminal.fault import Fault
from a2actl.terminal.output import note, show_json, show_table
from a2actl.terminal.progress import progress
from a2actl.usage.rows import Grouping, summed, table, to_csv

if TYPE_CHECKING:
    from a2a_tasks.tasks.usage import DayRange, UsageReports, UsageRow
    from a2actl.terminal.progress import Advance

app = typer.Typer()

USUAL_DAYS = 30


@app.command("usage")
def show_usage(
    context: typer.Context,
    grouping: Annotated[Grouping, typer.Option("--by", help="What to group by.")] = Grouping.PROJECT,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Only this project; by default all.")
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option("--agent", metavar="AGENT", help="Only this agent of --project; repeatable."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="From this day (UTC); by default 30 days ago.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="To this day, inclusive; by default today.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show tasks, tokens and cost of ended tasks by project, agent, model, key or day."""
    if as_csv and as_json:
        raise Fault("--csv and --json exclude each other; use one of them.")
    if agents and not project:
        raise Fault("--agent needs --project, to which agents belong.")
    days = _days(first, last)
    with chosen_stack(context).deployment() as deployment, progress("pages read") as advance:
        if project:
            check_project(deployment.registry, project)
        known = [project] if project else [each.project_id for each in deployment.registry.projects()]
        reports = deployment.reports.usage
        sums = summed(grouping, _rows(reports, known, grouping, days, agents or [], advance))
    if as_json:
        show_json([each.to_json(grouping) for each in sums])
    elif as_csv:
        typer.echo(to_csv(grouping, sums), nl=False)
    else:
        columns = (
            grouping.value.upper(),
            "TASKS",
            "COMPLETED",
            "FAILED",
            "CANCELED",
            "TOKENS IN",
            "OUT",
            "COST",
        )
        show_table(columns, list(table(sums)))
        note(_explained(days, has_unpriced=any(each.unpriced for each in sums), grouping=grouping))


def _days(first: str | None, last: str | None) -> "DayRange":
    """Raises ``Fault``, which names the option."""
    from a2a_tasks.tasks.usage import DayRange

    end = _day(last, "--to") if last else datetime.now(UTC).date()
    begin = _day(first, "--from") if first else end - timedelta(days=USUAL_DAYS - 1)
    try:
        return DayRange(begin, end)
    except RequestRefused as refused:
        raise Fault(f"--{refused.message}.") from None


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Fault(f"{option} takes a day such as 2026-11-28; not {text!r}.") from None


def _rows(
    reports: "UsageReports",
    project_ids: list[str],
    grouping: Grouping,
    days: "DayRange",
    agents: list[str],
    advance: "Advance",
) -> "Iterator[tuple[str, UsageRow]]":
    """All rows of all pages, with their projects. Raises ``Fault`` for an agent that is not the project's."""
    pages = 0
    for project_id in project_ids:
        token: str | None = None
        while True:
            try:
                page = reports.page(project_id, grouping.by, days, agents, token)
            except RequestRefused as refused:
                raise Fault(f"--agent: {refused.message}") from None
            yield from ((project_id, row) for row in page.rows)
            pages += 1
            advance(pages, None)
            token = page.token
            if token is None:
                break


def _explained(days: "DayRange", *, has_unpriced: bool, grouping: Grouping) -> str:
    told = f"Tasks created from {days.first} to {days.last} (UTC) that have ended and are still stored."
    if grouping is Grouping.MODEL:
        told += " A task that used several models is counted for each."
    return told + (" A plus means that the cost of some is unknown." if has_unpriced else "")
