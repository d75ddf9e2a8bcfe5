"""``a2actl top`` on a terminal."""

import io

from rich.console import Console

from a2a_tasks.domain.task import Status
from a2actl.top.snapshot import AgentNow, Cost, Measured, QueueNow, Snapshot
from a2actl.top.view import price, rendered, summary

SNAPSHOT = Snapshot(
    at=1_750_000_000_000,
    agents=(
        AgentNow("assistant", "demo", {Status.PENDING: 7, Status.FAILED: 1}, is_all=False),
        AgentNow("\x1b[2Jsly", "demo", {}, is_all=True, slots_held=3, slots=5),
    ),
    agents_left_out=4,
    queues=(QueueNow("Task", 12, 3, 125.0), QueueNow("dlq wecom", 0, 0)),
    workers=2,
    measured=Measured({"created": 12.0, "completed": 11.4}, 4.2),
    alarms=("SweeperAlarm",),
    cost=Cost(12.5, 14, 0.0000054, 0.0123),
)


def shown() -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    console.print(rendered(SNAPSHOT, "a2a-tasks-prod"))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_everything_is_on_the_screen() -> None:
    text = shown()
    for words in (
        "a2a-tasks-prod",
        "2025-06-15T15:06:40.000Z",
        "7+",
        "3/5",
        "2 min 05 s",
        "Active alarms: SweeperAlarm",
    ):
        assert words in text
    assert "4 more agents" in text


def test_names_do_not_steer_the_terminal() -> None:
    assert "\x1b[2J" not in shown()
    assert "[2Jsly" in shown()


def test_a_line_says_how_it_goes() -> None:
    assert summary(SNAPSHOT) == (
        "2 workers · per minute: 12.0 created, 11.4 completed · today $4.20 · 1 active alarm"
    )


def test_a_line_says_what_looking_costs() -> None:
    assert price(SNAPSHOT) == (
        "A refresh takes 14 requests and 12.5 read units, about $0.000005; an hour about $0.0123."
    )
