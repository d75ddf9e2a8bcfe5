"""A soak: mixed tasks while a random worker is killed every quarter of a minute, on the local stack.

It ends by itself: after the kills every task has ``PATIENCE_SECONDS``, and what has not ended by then is
shown as that.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from bench.report import console, step, table
from local.deployed import Project, Refused

TASKS = 400
KILLS, KILL_EVERY_SECONDS = 8, 15
CALLERS = 8
AIM_SECONDS = 60
PATIENCE_SECONDS = 300
SEED = 13
KINDS = {
    "one turn": "say=answer; delay=2",
    "two turns": 'tool=Glob:{"pattern": "*"}; delay=1 | say=answer; delay=2',
    "three turns": 'tool=Glob:{"pattern": "*"} | tool=Glob:{"pattern": "*.md"}; delay=1 | say=answer',
    "overloaded at first": "err=529; once | say=answer; delay=1",
    "a stream that breaks": "drop; once | say=answer; delay=1",
}
TURNS = {"one turn": 1, "two turns": 2, "three turns": 3, "overloaded at first": 1, "a stream that breaks": 1}
AGENT = {
    "id": "soak",
    "name": "Soak",
    "systemPrompt": "You use tools.",
    "maxConcurrentTasks": 50,
    "timeoutMs": 900_000,
    "allowedTools": ["Glob"],
}


def run(project: Project) -> None:
    """Print the table."""
    agent_id = project.apply(AGENT)
    kinds = [list(KINDS)[n % len(KINDS)] for n in range(TASKS)]

    def submit(n: int) -> dict[str, Any]:
        return project.submit(f"[[standin: {KINDS[kinds[n]]}]] soak-{n}-", agent_id)

    with ThreadPoolExecutor(CALLERS) as pool:
        with step(f"{TASKS} tasks, and a worker killed every {KILL_EVERY_SECONDS} s, {KILLS} times"):
            started = time.time()
            submitting = pool.map(submit, range(TASKS))
            killed = _kill(project)
            accepted = list(submitting)
        with step("Wait for the last task"):
            ended = _ended(project, pool, accepted, killed[-1] + PATIENCE_SECONDS)
    _print(project, kinds, ended, started, killed)


def _kill(project: Project) -> list[float]:
    """When the workers died."""
    dice, killed = random.Random(SEED), []  # noqa: S311  chance that repeats itself
    for _ in range(KILLS):
        time.sleep(KILL_EVERY_SECONDS)
        if processes := project.deployed.worker_processes():
            os.kill(dice.choice(sorted(processes)), signal.SIGKILL)
        killed.append(time.time())
    return killed


def _ended(
    project: Project, pool: ThreadPoolExecutor, accepted: list[dict[str, Any]], until: float
) -> list[dict[str, Any]]:
    """Each task as it is once all have ended, or the time is over."""
    tasks: list[dict[str, Any]] = [{"status": "pending"}] * len(accepted)
    live = list(range(len(accepted)))
    while live and time.time() < until:
        # one question at a time until one has ended, so that the stack has its processors for the tasks
        first = _now(project, accepted[live[0]])
        if first is None or "completedAt" not in first:
            time.sleep(1)
            continue
        for n, task in zip(
            live, pool.map(lambda n: _now(project, accepted[n]), live[:CALLERS]), strict=False
        ):
            tasks[n] = task or tasks[n]
        live = [n for n in live if "completedAt" not in tasks[n]]
    return tasks


def _now(project: Project, accepted: dict[str, Any]) -> dict[str, Any] | None:
    """None where a busy stack refused the question: it is asked again."""
    with contextlib.suppress(Refused):
        return project.get(accepted)
    return None


def _print(
    project: Project, kinds: list[str], tasks: list[dict[str, Any]], started: float, killed: list[float]
) -> None:
    states = Counter(task["status"] for task in tasks)
    ends = [
        datetime.fromisoformat(task["completedAt"]).timestamp() for task in tasks if "completedAt" in task
    ]
    finished = [call for call in project.deployed.calls("soak-") if call.outcome == "completed"]
    needed = sum(TURNS[kind] for kind in kinds)
    last = max(ends, default=0.0) if len(ends) == len(tasks) else None
    rows: list[list[object]] = [
        ["tasks completed", f"{states['completed']} of {len(tasks)}", f"{TASKS}"],
        ["failed, or not ended", f"{states['failed']}, {len(tasks) - len(ends)}", "0, 0"],
        ["workers killed", len(killed), KILLS],
        ["all ended after the start", "never" if last is None else f"{last - started:.0f} s", ""],
        [
            "all ended after the last kill",
            "never" if last is None else f"{max(0.0, last - killed[-1]):.0f} s",
            f"≤ {AIM_SECONDS} s",
        ],
        [
            "finished turns bought, of which twice",
            f"{len(finished)}, {max(0, len(finished) - needed)}",
            needed,
        ],
    ]
    table("A soak", ["", "measured", "aim"], rows)
    if states["completed"] < len(tasks):
        console.print(f"Not completed: {dict(states)}")
