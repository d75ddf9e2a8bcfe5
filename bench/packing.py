"""How tasks are packed into workers: by the functions on the local stack, beside the simulation on which the
bill stands (tests/load/packing.py)."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from statistics import mean

from bench.report import step, table
from local.deployed import Project
from tests.load.packing import Packing, packed

A_SECOND, WAIT_SECONDS = 4.0, 30
START_SECONDS, SECONDS = 45, 120
"""Until as many tasks run as will, and that are looked at then."""
CALLERS = 12
LOOK_SECONDS = 0.5
AGENT = "plain"


def run(project: Project) -> None:
    """Print the table. Raises ``TimeoutError`` if tasks do not end."""
    with step(f"Simulate {A_SECOND:g} tasks a second of {WAIT_SECONDS} s"):
        simulated = packed(A_SECOND, WAIT_SECONDS)
    with step(f"{A_SECOND:g} tasks a second of {WAIT_SECONDS} s, for {START_SECONDS + SECONDS} s"):
        workers, a_second = _workers(project)
    with step("Let all end"):
        _ended(project)
    table(
        f"Workers of {A_SECOND:g} tasks a second that wait {WAIT_SECONDS} s",
        ["", "tasks a second", "workers at a time", "seconds of a worker a task"],
        [
            ["simulated", f"{A_SECOND:g}", f"{simulated.workers:.2f}", _seconds(simulated)],
            ["on this machine", f"{a_second:.2f}", f"{workers:.2f}", f"{workers / a_second:.2f}"],
        ],
    )


def _seconds(simulated: Packing) -> str:
    return f"{simulated.seconds:.2f}"


def _workers(project: Project) -> tuple[float, float]:
    """Workers at a time, and the tasks a second that were accepted meanwhile."""
    random, seen, accepted = Random(18), list[int](), list[float]()  # noqa: S311
    message = f"[[standin: say=Done.; delay={WAIT_SECONDS}]]"

    def submit() -> None:
        project.submit(message, _agent(project))
        accepted.append(time.monotonic())

    began = time.monotonic()
    begin, end = began + START_SECONDS, began + START_SECONDS + SECONDS
    due, look = began, began
    with ThreadPoolExecutor(CALLERS) as callers:
        submitted = []
        while (now := time.monotonic()) < end:
            if now >= due:
                submitted.append(callers.submit(submit))
                due += random.expovariate(A_SECOND)
            if now >= max(look, begin):
                seen.append(_up(project))
                look = now + LOOK_SECONDS
            time.sleep(0.02)
    for each in submitted:
        each.result()
    return mean(seen), sum(begin <= moment < end for moment in accepted) / SECONDS


def _up(project: Project) -> int:
    """Workers that carry tasks now, or wait for some: those on the list of takers."""
    listed = project.deployed.client("dynamodb").query(
        TableName=project.deployed.outputs["TasksTable"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "TAKERS"}},
    )["Items"]
    return sum(int(item["until"]["N"]) > project.deployed.now() for item in listed)


def _ended(project: Project) -> None:
    """Wait until every task has been completed. Raises ``RuntimeError`` if one has ended otherwise."""
    end = time.monotonic() + 3 * WAIT_SECONDS
    while tasks := {task["status"] for task in project.tasks(_agent(project))} - {"completed"}:
        if tasks & {"failed", "canceled"}:
            raise RuntimeError(f"tasks have ended as {tasks}")
        if time.monotonic() > end:
            raise TimeoutError(f"tasks are {tasks}")
        time.sleep(2)


def _agent(project: Project) -> str:
    return f"{project.project_id}-{AGENT}"
