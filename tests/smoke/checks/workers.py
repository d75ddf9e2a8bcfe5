"""A worker that is stopped in the middle of a task."""

import os
import signal
from pathlib import Path

from tests.smoke.check import Skipped, expect
from tests.smoke.live_version import ALIAS, live_configuration, publish, reconfigured
from tests.smoke.run import Run
from tests.smoke.target import Target
from tests.smoke.tenant import story
from tests.smoke.time_limit import TimeLimit

SHORT_SECONDS = 30
"""Of the worker's time, of which it keeps 20 for what happens at its end."""
READY_SECONDS = 120


def killed(run: Run) -> str:
    """By SIGKILL, where the worker is a process of this machine."""
    if not run.target.is_emulated:
        raise Skipped("Lambda allows no kill: FULL=1 shortens a worker's time, the emulator covers SIGKILL")
    accepted = run.tenant.submit(story(5))
    run.tenant.wait(run.time_limit, accepted, 30, ("running",))
    workers = _processes(run.target.function("Worker"), run.target.endpoint_url or "")
    if not workers:
        raise Skipped("no worker of this stack runs on this machine")
    for process in workers:
        os.kill(process, signal.SIGKILL)
    task = run.tenant.completed(run.time_limit, accepted)
    return (
        f"{len(workers)} killed; completed in attempt {task['attempts']} after {run.time_limit.spent:.0f} s"
    )


def out_of_time(run: Run) -> str:
    """The worker's time is made short while one invocation begins: the turn is cut off at its end, and the
    next environment completes the task."""
    before = live_configuration(run.target, "Worker")["Timeout"]
    if before <= SHORT_SECONDS:
        raise Skipped(f"the worker's timeout is {before} s, as left by a killed run: CLEAN=1 restores it")
    with reconfigured(
        run.target, "Worker", run.time_limit.of(READY_SECONDS), READY_SECONDS, Timeout=SHORT_SECONDS
    ):
        accepted = run.tenant.submit(story(SHORT_SECONDS, words=3_000))
        run.tenant.wait(run.time_limit, accepted, READY_SECONDS, ("running",))
    task = run.tenant.completed(run.time_limit, accepted, 300)
    expect(
        task["attempts"] > 1, "completed in one attempt: its turn was short, or an older worker executed it"
    )
    return (
        f"cut off after {SHORT_SECONDS - 20} s by the worker itself (it cannot be killed);"
        f" completed in attempt {task['attempts']}"
    )


def restore_timeout(target: Target) -> None:
    """Restore the worker's deployed timeout, if a killed run has left another."""
    deployed = target.parameters.get("WorkerTimeoutSeconds")
    if deployed and int(deployed) != live_configuration(target, "Worker")["Timeout"]:
        limit = TimeLimit(READY_SECONDS)
        version = publish(target, "Worker", limit, READY_SECONDS, Timeout=int(deployed))
        target.client("lambda").update_alias(
            FunctionName=target.function("Worker"), Name=ALIAS, FunctionVersion=version
        )


def _processes(function: str, endpoint: str) -> list[int]:
    """The environments of a function of this emulator, not of others on the machine."""
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
