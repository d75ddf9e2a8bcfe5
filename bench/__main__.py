"""`python -m bench [cold_start] [aws_calls] [sweep] [local_loop]`: all of them, or those that are named."""

import shutil
import sys
import tempfile
from pathlib import Path

from bench import aws_calls, cold_start, local_loop, sweep
from bench.report import console
from local.stack import LocalStack

ALL = ("aws_calls", "sweep", "cold_start", "local_loop")


def main(chosen: list[str]) -> int:
    if unknown := set(chosen) - set(ALL):
        console.print(f"There is no measurement {', '.join(sorted(unknown))}; there are {', '.join(ALL)}.")
        return 2
    names = chosen or list(ALL)
    if "aws_calls" in names:
        aws_calls.run()
    if "sweep" in names:
        sweep.run()
    if {"cold_start", "local_loop"} & set(names):
        _on_a_stack(names)
    return 0


def _on_a_stack(names: list[str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-bench-"))
    stack = LocalStack.separate(folder)
    try:
        with console.status("Building and deploying a stack to measure…"):
            deployment = stack.up()
        if "cold_start" in names:
            cold_start.run(stack, deployment)
        if "local_loop" in names:
            local_loop.run(stack, deployment)
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
