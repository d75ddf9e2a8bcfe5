"""What Lambda bills for the worker: ten tasks an invocation against one, for tasks that wait for Claude.

The same deployed worker does the same tasks in each run, started by an event source that differs. Billed
durations are those of the REPORT lines in the worker's log group. All environments are warm before the first
run: on few cores the start of so many Python processes would be most of the bill, and only of the first.

In the first run there are never more tasks than workers, so each is alone. In the second the queue is full
at the start (the event source is off while tasks are submitted), and the workers carry as many tasks as the
agent may have at a time, so each is full. Real traffic saves less: a message that comes while a worker is
free is taken at once, alone, since no batching window makes it wait for company, and only after some seconds
does that worker take more beside it. So what is saved grows with the load and shrinks with
``WorkerConcurrency``. The last run shows that, with the deployed number of workers and tasks that come one
after the other. Besides, an invocation is billed until its longest task ends, so tasks of very different
lengths share less. And a task that waits for half a minute in a full queue is announced once more by the
sweeper, so there may be more invocations than tasks; what they find done or under way costs little.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import batched
from typing import Any

from bench.report import step, table
from bench.support.event_source import EventSource
from local.deployed import Project
from tests.integration.support.template import known_values

TASKS = 100
WAIT_SECONDS = 30
AT_A_TIME = 50
"""``maxConcurrentTasks`` in bench/agents.yaml."""
BATCH_SIZE = 10
ALONE_WORKERS = 25
"""Fewer, since each is a Python process here that takes seconds to start. The bill is the same, but later."""
DEFAULT_WORKERS = int(known_values({})["WorkerConcurrency"])
SECONDS_BETWEEN = 0.3
CALLERS = 8
RUN_SECONDS = 400
SETTLED_SECONDS = 2.0
AIM = Fraction(1, 6)
USD_PER_GB_SECOND = 0.0000133334
USD_PER_REQUEST = 0.20e-6
"""arm64, us-east-1, the first 7.5 billion GB-seconds of a month: https://aws.amazon.com/lambda/pricing"""
MB_PER_GB = 1024
MILLION = 1_000_000
REPORT = re.compile(r"^REPORT .*\tBilled Duration: (\d+) ms\tMemory Size: (\d+) MB")


@dataclass(frozen=True)
class Bill:
    """What the invocations of one run cost."""

    invocations: int
    seconds: float
    gb_seconds: float

    @property
    def usd(self) -> float:
        return self.gb_seconds * USD_PER_GB_SECOND + self.invocations * USD_PER_REQUEST


@dataclass(frozen=True)
class Run:
    """Tasks of ``wait_seconds`` each, and how they are started; ``seconds_between`` two of them, None if the
    queue is full at the start."""

    title: str
    batch_size: int
    workers: int
    wait_seconds: int = WAIT_SECONDS
    seconds_between: float | None = None


START = Run("start", 1, ALONE_WORKERS, wait_seconds=5)
ALONE = Run("one task per invocation", 1, ALONE_WORKERS)
FULL = Run("ten per invocation", BATCH_SIZE, AT_A_TIME // BATCH_SIZE)
TRICKLE = Run(
    f"one every {SECONDS_BETWEEN} s, {DEFAULT_WORKERS} workers",
    BATCH_SIZE,
    DEFAULT_WORKERS,
    seconds_between=SECONDS_BETWEEN,
)


def run(project: Project) -> None:
    """Print the table."""
    source = EventSource.of(project.deployed)
    with step(f"Start {ALONE_WORKERS} workers"):
        _execute(project, source, START, ALONE_WORKERS)
    bills = {}
    for each in (ALONE, FULL, TRICKLE):
        with step(f"{TASKS} tasks that wait {WAIT_SECONDS} s for Claude: {each.title}"):
            bills[each] = _bill(project, source, each)
    table(
        f"Lambda's bill for {TASKS} tasks that wait {WAIT_SECONDS} s each",
        ["", "invocations", "billed", "GB-seconds", "USD a million tasks", "ratio", "aim"],
        [_row(each, bill, bills[ALONE]) for each, bill in bills.items()],
    )


def _row(each: Run, bill: Bill, alone: Bill) -> list[object]:
    ratio = "1" if each is ALONE else f"1/{alone.gb_seconds / bill.gb_seconds:.1f}"
    usd = f"{bill.usd / TASKS * MILLION:.0f}"
    aim = f"≤ {AIM}" if each is FULL else ""
    return [
        each.title, bill.invocations, f"{bill.seconds:.0f} s", f"{bill.gb_seconds:.0f}", usd, ratio, aim
    ]  # fmt: skip


def _bill(project: Project, source: EventSource, each: Run) -> Bill:
    started = project.deployed.now()
    _execute(project, source, each, TASKS)
    reports = _reports(project, started)
    return Bill(
        invocations=len(reports),
        seconds=sum(milliseconds for milliseconds, _ in reports) / 1000,
        gb_seconds=sum(milliseconds / 1000 * memory / MB_PER_GB for milliseconds, memory in reports),
    )


def _execute(project: Project, source: EventSource, each: Run, tasks: int) -> None:
    """Let all tasks be done."""

    def submit(n: int) -> dict[str, Any]:
        return project.submit(
            f"[[standin: say=answer; delay={each.wait_seconds}]] {each.title} {n}", timeout=900_000
        )

    with source.changed(each.batch_size, each.workers), ThreadPoolExecutor(CALLERS) as callers:
        if each.batch_size == 1:
            source.enable()
            accepted = _submit_in_rounds(project, submit, tasks, each.workers)
        elif each.seconds_between is None:
            accepted = list(callers.map(submit, range(tasks)))
            source.enable()
        else:
            source.enable()
            accepted = _submit_one_by_one(submit, tasks, each.seconds_between)
        ended = [project.wait(task, seconds=RUN_SECONDS) for task in accepted]
        time.sleep(SETTLED_SECONDS)  # an invocation is reported a little after its last task has ended
        source.purge()  # of what was announced twice
    if any(task["status"] != "completed" for task in ended):
        raise RuntimeError(f"not every task of {each.title!r} was completed")


def _submit_in_rounds(
    project: Project, submit: Callable[[int], dict[str, Any]], tasks: int, workers: int
) -> list[dict[str, Any]]:
    """Never more tasks than workers, so that none finds a message that it could take beside its own."""
    accepted: list[dict[str, Any]] = []
    for numbers in batched(range(tasks), workers, strict=False):
        this_round = [submit(n) for n in numbers]
        for task in this_round:
            project.wait(task, seconds=RUN_SECONDS)
        accepted += this_round
    return accepted


def _submit_one_by_one(
    submit: Callable[[int], dict[str, Any]], tasks: int, seconds_between: float
) -> list[dict[str, Any]]:
    started, accepted = time.monotonic(), []
    for n in range(tasks):
        time.sleep(max(0.0, started + n * seconds_between - time.monotonic()))
        accepted.append(submit(n))
    return accepted


def _reports(project: Project, since: int) -> list[tuple[int, int]]:
    """Billed milliseconds and memory in MB of the worker's invocations that ended since then."""
    deployed = project.deployed
    pages = (
        deployed.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=f"/aws/lambda/{deployed.outputs['WorkerFunctionName']}", startTime=since)
    )
    found = (REPORT.match(event["message"]) for page in pages for event in page["events"])
    return [(int(report[1]), int(report[2])) for report in found if report]
