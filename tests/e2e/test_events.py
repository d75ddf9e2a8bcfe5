"""A caller follows a task step by step while the worker is at it."""

from typing import Any

from local.deployed import Project
from tests.e2e.test_agent_loop import script, tool, toolbox

FINAL = frozenset({"completed", "failed", "canceled"})


def test_a_task_with_tools_is_followed_by_cursor(project: Project) -> None:
    steps = (
        tool("report_progress", step="写报告", percent=10) + "; delay=1",
        tool("Write", file_path="报告.md", content="# 第一\n") + "; delay=1",
        "say=done",
    )
    accepted = project.submit(f"{script(*steps)} e2e-events", toolbox(project))

    events: list[dict[str, Any]] = []
    answer: dict[str, Any] = {"nextCursor": "0", "taskStatus": "pending"}
    requests = 0
    while answer["taskStatus"] not in FINAL or answer["events"]:
        path = f"{accepted['checkUrl']}/events?after={answer['nextCursor']}&wait=20"
        got = project.request("GET", path)
        assert got.status_code == 200, got.text
        answer = got.json()
        events += answer["events"]
        requests += 1

    assert [event.pop("id") for event in events] == [str(number) for number in range(1, len(events) + 1)]
    times = [event.pop("at") for event in events]
    assert times == sorted(times)
    assert events == [
        {"type": "status", "status": "pending"},
        {"type": "status", "status": "running", "attempt": 1},
        {"type": "turn", "turn": 1, "tools": ["report_progress"]},
        {"type": "progress", "step": "写报告", "percent": 10},
        {"type": "turn", "turn": 2, "tools": ["Write"]},
        {"type": "tool", "tool": "Write"},
        {"type": "status", "status": "completed"},
    ]
    assert 3 <= requests <= len(events) + 1, "it is told while it happens, and nobody asks in vain"
