"""A worker that is stopped in the middle of a task."""

import os
import signal
from pathlib import Path

from tests.smoke.check import Skipped, expect
from tests.smoke.run import Run
from tests.smoke.target import Target
from tests.smoke.tenant import story

SHORT_SECONDS = 30
"""Of the worker's time, of which it keeps 20 for what happens at its end."""
READY_SECONDS = 120


def killed(run: Run) -> str:
    """By SIGKILL, where the worker is a process of this machine."""
    if not run.target.is_emulated:
        raise Skipped(
            "Lambda lets nobody kill an environment: FULL=1 cuts a worker's time, an emulator shows SIGKILL"
        )
    accepted = run.tenant.submit(story(5))
    run.tenant.wait(run.time_limit, accepted, 30, ("running",))
    workers = _processes(run.target.function("Worker"), run.target.endpoint_url or "")
    if not workers:
        raise Skipped("no process of this machine is a worker of this stack")
    for process in workers:
        os.kill(process, signal.SIGKILL)
    task = run.tenant.completed(run.time_limit, accepted)
    return (
        f"{len(workers)} killed; completed in attempt {task['attempts']} after {run.time_limit.spent:.0f} s"
    )


def out_of_time(run: Run) -> str:
    """The worker's time is made short while one invocation begins: the turn is cut off at its end, and the
    next environment completes the task."""
    name = run.target.function("Worker")
    client = run.target.client("lambda")
    before = client.get_function_configuration(FunctionName=name)["Timeout"]
    if before <= SHORT_SECONDS:
        raise Skipped(f"the worker's timeout is {before} s, as a killed run leaves it: CLEAN=1 puts it back")
    accepted = None
    try:
        _set_timeout(run, SHORT_SECONDS)
        accepted = run.tenant.submit(story(SHORT_SECONDS, words=3_000))
        run.tenant.wait(run.time_limit, accepted, READY_SECONDS, ("running",))
    finally:
        _set_timeout(run, before)
    task = run.tenant.completed(run.time_limit, accepted, 300)
    expect(task["attempts"] > 1, "done in one attempt: its turn was short, or an older worker took it")
    return (
        f"cut off after {SHORT_SECONDS - 20} s by the worker's own clock (a kill cannot be had);"
        f" completed in attempt {task['attempts']}"
    )


def restore_timeout(target: Target) -> None:
    """Give the worker the timeout that it was deployed with, if a killed run has left another."""
    name, deployed = target.function("Worker"), target.parameters.get("WorkerTimeoutSeconds")
    client = target.client("lambda")
    current = client.get_function_configuration(FunctionName=name)["Timeout"]
    if deployed and int(deployed) != current:
        client.update_function_configuration(FunctionName=name, Timeout=int(deployed))


def _set_timeout(run: Run, seconds: int) -> None:
    name = run.target.function("Worker")
    client = run.target.client("lambda")
    client.update_function_configuration(FunctionName=name, Timeout=seconds)
    run.time_limit.of(READY_SECONDS).until(
        lambda: client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] != "InProgress",
        READY_SECONDS,
        f"the new timeout of {name}",
    )


def _processes(function: str, endpoint: str) -> list[int]:
    """The environments of a function of this emulator, and of no other that runs on the machine."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if f"ministack-lambda-{function}-" in command and f"AWS_ENDPOINT_URL={endpoint}" in environment:
            found.append(int(process.name))
    return found
