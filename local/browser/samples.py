"""Tasks for the screenshots, executed by the stand-in on a stack of their own; and two weeks of usage, which
a new stack cannot have."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from local.deployed import Project, wait_until

AGENTS = Path(__file__).with_name("samples.yaml")
ENDED = frozenset({"completed", "failed", "canceled"})
MODELS = {"research": 6.1, "reports": 2.4, "support": 1.3, "translator": 0.6}
"""Cost of an agent's tasks on a usual day, in US dollars."""
DAYS = 14
WEEK = (1.0, 1.15, 1.1, 0.95, 0.8, 0.3, 0.25)
"""Of a usual day, starting with Monday."""


@dataclass(frozen=True)
class Samples:
    """The response to the creation of the task that is shown in detail."""

    research: Mapping[str, Any]


def make_samples(project: Project) -> Samples:
    """Submit them; returns when all have ended except those that are shown running."""
    agent = _names(project)
    research = project.submit(
        _script(*_research(agent["translator"])), agent["research"], sessionId="q4-planning"
    )
    ended = [
        project.submit(_script(f"delay={seconds}; say=Done."), agent["translator"])
        for seconds in (0.4, 1.1, 0.7, 2.2)
    ]
    ended += [
        project.submit(_script(f"delay={seconds}; say=Done."), agent["reports"]) for seconds in (1.9, 3.1)
    ]
    ended.append(project.submit(_script("err=400; type=invalid_request_error"), agent["reports"]))
    asking = project.wait(research, ENDED | {"input_required"}, seconds=120)
    if asking["status"] == "input_required":
        project.request("POST", f"{research['checkUrl']}/messages", json={"message": "Germany and Japan"})
    for task in (*ended, research):
        project.wait(task, ENDED, seconds=120)
    _leave_live(project, agent)
    return Samples(research)


def usage(project: Project, today: date) -> dict[str, Any]:
    """A response of ``GET /usage?by=agent`` for the two weeks until today."""
    return {"by": "agent", "rows": list(_rows(project, today))}


def _leave_live(project: Project, agent: Mapping[str, str]) -> None:
    """Tasks that ask a question, run or wait."""
    later = (datetime.now(UTC) + timedelta(hours=3)).isoformat(timespec="seconds")
    project.submit(_script("delay=900; say=late"), agent["reports"], notBefore=later)
    for question, options in (
        ("Order 4711 arrived damaged. Refund it in full, or send it again?", ["Refund", "Send again"]),
        ("The customer writes in Finnish. Answer in Finnish or in English?", ["Finnish", "English"]),
    ):
        task = project.submit(
            _script(_tool("ask_user", question=question, options=options), "say=ok"), agent["support"]
        )
        project.wait(task, frozenset({"input_required"}))
    steps = (
        _tool("report_progress", step="Comparing 14 suppliers", percent=35),
        "delay=900; once",
        "say=late",
    )
    running = project.submit(_script(*steps), agent["research"])
    wait_until(lambda: project.get(running).get("progress", {}).get("step"), 60, "a task that is at work")


def _research(translator: str) -> tuple[str, ...]:
    report = "# Heat pumps in 2026\n\nThe market grew by 18 %.\n"
    child = _script("delay=1.6; say=Der Markt wuchs um 18 %.")
    return (
        f"delay=1.1; {_tool('report_progress', step='Looking for sources', percent=10)}",
        'delay=1.6; server=web_search:{"query": "heat pump market 2026"}; stop=pause_turn',
        f"delay=0.9; {_tool('Write', file_path='report.md', content=report)}",
        f"delay=0.7; {_tool('ask_user', question='Which countries?', options=['Germany', 'Japan', 'Both'])}",
        f"delay=1.3; {_tool('call_agent', agent=translator, message=child)}",
        f"delay=0.8; {_tool('save_artifact', name='report.md', media_type='text/markdown', content=report)}",
        'delay=1.2; say="The report is saved as report.md. The market grew by 18 % in both countries."',
    )


def _rows(project: Project, today: date) -> Iterator[dict[str, Any]]:
    for back in reversed(range(DAYS)):
        day = today - timedelta(days=back)
        for place, (name, usual) in enumerate(MODELS.items()):
            cost = usual * WEEK[day.weekday()] * (1 + 0.25 * math.sin(back * 1.7 + place * 2.1))
            tasks, failed = round(cost * 40 / usual), round(cost * 0.8 / usual)
            tokens = round(cost * 180_000)
            yield {
                "day": day.isoformat(), "agentId": project.id_of(name), "tasks": tasks,
                "completed": tasks - failed - 1, "failed": failed, "canceled": 1, "inputTokens": tokens // 3,
                "outputTokens": tokens // 9, "cacheReadTokens": tokens // 2, "cacheWriteTokens": tokens // 18,
                "costUsd": round(cost, 4),
            }  # fmt: skip


def _names(project: Project) -> dict[str, str]:
    return {name: project.id_of(name) for name in MODELS}


def _script(*steps: str) -> str:
    return f"[[standin: {' | '.join(steps)}]]"


def _tool(name: str, /, **arguments: Any) -> str:
    return f"tool={name}:{json.dumps(arguments)}"
