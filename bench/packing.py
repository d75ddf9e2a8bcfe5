"""How tasks are packed into workers: by the functions on the local stack, compared with the simulation that
the bill is based on (tests/load/packing.py)."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from statistics import mean

from a2a_tasks.adapters.dynamodb.takers import DynamoDBTakers
from a2a_tasks.execution.process.taker_listing import MOST
from bench.report import step, table
from local.deployed import TERMINAL, Project, wait_until
from tests.load.packing import packed

A_SECOND, WAIT_SECONDS = 4.0, 30
START_SECONDS, SECONDS = 45, 120
"""Until the number of running tasks is stable, and for the measurement after that."""
CALLERS = 12
POLL_SECONDS = 0.5
AGENT = "plain"


def run(project: Project) -> None:
    """Print the table. Raises ``TimeoutError`` if tasks do not end."""
    with step(f"Simulate {A_SECOND:g} tasks a second of {WAIT_SECONDS} s"):
        simulated = packed(A_SECOND, WAIT_SECONDS)
    with step(f"{A_SECOND:g} tasks a second of {WAIT_SECONDS} s, for {START_SECONDS + SECONDS} s"):
        workers, a_second = _workers(project)
    with step("Wait until all have ended"):
        _ended(project)
    table(
        f"Workers of {A_SECOND:g} tasks a second that wait {WAIT_SECONDS} s",
        ["", "tasks a second", "workers at a time", "seconds of a worker a task"],
        [
            ["simulated", f"{A_SECOND:g}", f"{simulated.workers:.2f}", f"{simulated.seconds:.2f}"],
            ["on this machine", f"{a_second:.2f}", f"{workers:.2f}", f"{workers / a_second:.2f}"],
        ],
    )


def _workers(project: Project) -> tuple[float, float]:
    """Workers at a time, and the tasks a second that were accepted meanwhile."""
    random, seen, accepted = Random(18), list[int](), list[float]()  # noqa: S311
    message = f"[[standin: say=Done.; delay={WAIT_SECONDS}]]"

    def submit() -> None:
        project.submit(message, project.id_of(AGENT))
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
                look = now + POLL_SECONDS
            time.sleep(0.02)
    for each in submitted:
        each.result()
    return mean(seen), sum(begin <= moment < end for moment in accepted) / SECONDS


def _up(project: Project) -> int:
    """Workers that run tasks now, or wait for some: those on the list of takers."""
    deployed = project.deployed
    takers = DynamoDBTakers(deployed.client("dynamodb"), deployed.outputs["TasksTable"])
    return sum(taker.until > deployed.now() for taker in takers.listed(MOST))


def _ended(project: Project) -> None:
    """Wait until every task has completed. Raises ``RuntimeError`` if one has ended otherwise."""

    def is_done() -> bool:
        statuses = {task["status"] for task in project.tasks(project.id_of(AGENT))}
        if not_completed := statuses & TERMINAL - {"completed"}:
            raise RuntimeError(f"tasks have ended as {not_completed}")
        return statuses == {"completed"}

    wait_until(is_done, 3 * WAIT_SECONDS, "the end of all tasks", 2)
