"""The whole loop on the local stack: latency, a burst, and recovery from killed workers."""

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from bench.report import p50_p95, step, table
from local.deployed import Project

LATENCY_TASKS = 40
BURST = 100
BURST_SECONDS = 2
CALLERS = 8
KILLED = 20


def run(project: Project) -> None:
    """Print the tables."""
    with step("Warm up"):
        _warm(project)
    _latency(project)
    _burst(project)
    _recovery(project)


def _warm(project: Project) -> None:
    for n in range(5):
        project.wait(project.submit(f"[[standin: say=warm]] warm-{n}"))


def _latency(project: Project) -> None:
    """One task after another, on warm functions."""
    to_call, to_visible, answers = [], [], []
    with step(f"{LATENCY_TASKS} tasks one by one"):
        for n in range(LATENCY_TASKS):
            marker = f"latency-{n}-"
            posted = time.time()
            accepted = project.submit(f"[[standin: say=answer; delay=0.2]] {marker}")
            answers.append(time.time() - posted)
            while project.get(accepted)["status"] != "completed":
                pass  # poll without pauses, so that none is part of the measurement
            visible = time.time()
            (call,) = project.deployed.calls(marker)
            to_call.append(call.started_at - posted)
            to_visible.append(visible - (call.ended_at or call.started_at))
    table(
        f"Local loop, {LATENCY_TASKS} tasks one by one",
        ["", "p50", "p95"],
        [
            ["POST to its 202", *p50_p95(answers)],
            ["POST to the call of Claude", *p50_p95(to_call)],
            ["Claude's last byte to a GET that says completed", *p50_p95(to_visible)],
        ],
    )


def _burst(project: Project) -> None:
    """Twice: the first burst starts functions, the second runs on warm ones."""
    title = f"A burst of {BURST} tasks of {BURST_SECONDS} s"
    with step(f"{title}, twice"):
        rows = [_one_burst(project, "cold"), _one_burst(project, "warm")]
    table(title, ["", "all accepted", "all completed", "completed", "paid calls"], rows)


def _one_burst(project: Project, name: str) -> list[object]:
    started = time.time()

    def submit(n: int) -> dict[str, Any]:
        return project.submit(f"[[standin: say=answer; delay={BURST_SECONDS}]] burst-{name}-{n}-")

    with ThreadPoolExecutor(CALLERS) as pool:
        accepted = list(pool.map(submit, range(BURST)))
        posted = time.time() - started
        # poll rarely, so that polls do not distort the measurement: the record has the time of a task's end
        finished = list(pool.map(lambda task: project.wait(task, seconds=300, every=1), reversed(accepted)))
    last = max(_epoch(task["completedAt"]) for task in finished) - started
    calls = len(project.deployed.calls(f"burst-{name}-"))
    completed = sum(task["status"] == "completed" for task in finished)
    return [name, f"{posted:.1f} s", f"{last:.1f} s", completed, calls]


def _recovery(project: Project) -> None:
    """All workers are killed with tasks in flight; each task must complete nevertheless.

    Several workers take one task each while tasks are being submitted, so fewer than all may be in flight.
    """

    def submit(n: int) -> dict[str, Any]:
        return project.submit(f"[[standin: say=answer; delay=90; once | say=answer; delay=1]] recovery-{n}-")

    with step("Kill all workers"), ThreadPoolExecutor(CALLERS) as pool:
        accepted = list(pool.map(submit, range(KILLED)))
        with contextlib.suppress(TimeoutError):
            project.wait_for_call("recovery-", KILLED, seconds=20)
        in_flight = len(project.deployed.calls("recovery-"))
        killed = time.time()
        project.deployed.signal_workers(signal.SIGKILL)
        finished = list(pool.map(lambda task: project.wait(task, seconds=300), accepted))
    recovered = max(_epoch(task["completedAt"]) for task in finished) - killed
    completed = sum(task["status"] == "completed" for task in finished)
    calls = len(project.deployed.calls("recovery-"))
    table(
        f"All workers killed with {in_flight} of {KILLED} tasks in flight",
        ["", "all completed after", "completed", "paid calls"],
        [["a2a-tasks", f"{recovered:.1f} s", f"{completed} of {KILLED}", calls]],
    )


def _epoch(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
