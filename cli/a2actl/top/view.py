"""A snapshot as text for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from a2a_tasks.domain.task import Status, iso8601
from a2actl.terminal.amount import counted
from a2actl.terminal.duration import format_elapsed
from a2actl.terminal.output import one_line
from a2actl.top.snapshot import AgentNow, Snapshot

AGENT_COLUMNS = ("AGENT", "PENDING", "RUNNING", "ASKS", "COMPLETED", "FAILED", "CANCELED", "SLOTS")
QUEUE_COLUMNS = ("QUEUE", "WAITING", "IN FLIGHT", "OLDEST")


def rendered(snapshot: Snapshot, stack_name: str) -> Group:
    """For a terminal."""
    parts: list[RenderableType] = [
        Text(f"{stack_name}  {iso8601(snapshot.at)}", style="bold"),
        Text(summary(snapshot)),
    ]
    if snapshot.alarms:
        parts.append(Text(f"Active alarms: {', '.join(snapshot.alarms)}", style="bold red"))
    parts.append(_table(AGENT_COLUMNS, agent_rows(snapshot)))
    if snapshot.agents_left_out:
        parts.append(Text(f"{snapshot.agents_left_out} more agents; use --project or --agents to show them."))
    parts += [_table(QUEUE_COLUMNS, queue_rows(snapshot)), Text(price(snapshot), style="dim")]
    return Group(*parts)


def summary(snapshot: Snapshot) -> str:
    """Such as ``3 workers · a minute: 12.0 created, 11.4 completed · today $4.20 · no active alarms``."""
    rates = ", ".join(f"{value:.1f} {what}" for what, value in snapshot.measured.per_minute.items())
    spent = snapshot.measured.spent_today
    return " · ".join(
        part
        for part in (
            counted(snapshot.workers, "worker"),
            f"per minute: {rates}" if rates else "",
            "" if spent is None else f"today ${spent:,.2f}",
            f"{len(snapshot.alarms) or 'no'} active alarm{'' if len(snapshot.alarms) == 1 else 's'}",
        )
        if part
    )


def price(snapshot: Snapshot) -> str:
    """The cost of a refresh, and of an hour of them."""
    cost = snapshot.cost
    return (
        f"A refresh takes {cost.requests} requests and {cost.read_units:,.1f} read units, about"
        f" ${cost.usd:.6f};"
        f" an hour about ${cost.usd_an_hour:.4f}."
    )


def agent_rows(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """One for each of ``AGENT_COLUMNS``; a plus means that there may be more than were read."""
    return [_agent_row(agent) for agent in snapshot.agents]


def queue_rows(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """One for each of ``QUEUE_COLUMNS``."""
    return [
        (
            queue.name,
            str(queue.visible),
            str(queue.in_flight),
            "–" if queue.oldest_seconds is None else format_elapsed(queue.oldest_seconds),
        )
        for queue in snapshot.queues
    ]


def _agent_row(agent: AgentNow) -> tuple[str, ...]:
    more = "" if agent.is_all else "+"
    order = (
        Status.PENDING,
        Status.RUNNING,
        Status.INPUT_REQUIRED,
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELED,
    )
    counts = (f"{agent.counts.get(status, 0)}{more}" for status in order)
    slots = "–" if agent.slots is None else f"{agent.slots_held}/{agent.slots}"
    return (agent.agent_id, *counts, slots)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table
