"""`python -m bench [NAME …]`: all measurements except the long ones, or the named ones."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import (
    a2a_sdk,
    aws_calls,
    cold_start,
    fuzz_cpu,
    local_loop,
    memory,
    packing,
    records,
    routes,
    soak,
    sweep,
    turns,
    waiting,
    wecom,
)
from bench.bill import run as bill
from bench.report import console, progress
from local.deployed import Deployed, Project, make_project
from local.stack.local_stack import LocalStack
from local.standin.client import StandInClient

ON_MOTO: dict[str, Callable[[], None]] = {
    "aws_calls": aws_calls.run,
    "records": records.run,
    "sweep": sweep.run,
    "fuzz_cpu": fuzz_cpu.run,
}
ON_A_STACK: dict[str, Callable[[Project], None]] = {
    "cold_start": cold_start.run,
    "routes": routes.run,
    "a2a_sdk": a2a_sdk.run,
    "local_loop": local_loop.run,
    "turns": turns.run,
    "memory": memory.run,
    "waiting": waiting.run,
    "bill": bill.run,
    "packing": packing.run,
    "wecom": wecom.run,
    "soak": soak.run,
}
LONG = {"bill", "packing", "soak"}
"""Run only if named."""
AGENTS = Path(__file__).with_name("agents.yaml")


def main(chosen: list[str]) -> int:
    if unknown := set(chosen) - ON_MOTO.keys() - ON_A_STACK.keys():
        known = ", ".join([*ON_MOTO, *ON_A_STACK])
        console.print(f"There is no measurement {', '.join(sorted(unknown))}; measurements are {known}.")
        return 2
    for name, measure in ON_MOTO.items():
        if name in chosen or not chosen:
            measure()
    if names := [name for name in ON_A_STACK if name in chosen or not (chosen or name in LONG)]:
        _on_a_stack(names)
    return 0


def _on_a_stack(names: list[str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-bench-"))
    stack = LocalStack.separate(folder, has_faults="soak" in names and soak.asked() is not None)
    stack.progress = progress
    try:
        deployment = stack.up()
        standin = StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}")
        project = make_project(Deployed(stack, deployment, standin), "bench", AGENTS)
        for name in names:
            ON_A_STACK[name](project)
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
