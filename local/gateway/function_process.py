"""A function's process as Lambda starts it: the layer's wrapper, with the managed runtime's command."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

BOOTSTRAP = "/var/runtime/bootstrap.py"
# The parent, which the function must not outlive, holds the other end of its standard input: when that end is
# closed, even by a SIGKILL of the parent, the function's process group is killed.
GUARD = 'exec 3<&0; (cat <&3; kill -s KILL 0) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'


def start_process(
    wrapper: Path, python: str, folder: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[str]":
    """Start it in a process group of its own. `stdout` has its output; closing `stdin` kills it."""
    return subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "function", str(wrapper), python, BOOTSTRAP],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def end_process(process: "subprocess.Popen[str]") -> None:
    """Kill it and wait for its end. Its output can still be read."""
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
