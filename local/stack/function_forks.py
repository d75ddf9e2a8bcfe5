"""Starts a function's processes by forking one that has loaded the packages of its layers.

It runs as a script in the emulator's environment, with a function's variables and a socket on which
`emulator.py` beside it requests a process: the command, its folder, variables and pipes. Each process loads
the function's own modules itself, as on Lambda.
"""

import importlib
import json
import os
import runpy
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

LAYERS = "_LAMBDA_LAYERS_DIRS"
MESSAGE_BYTES = 1 << 17
STREAMS = 3
# They take most of a function's start. A layer contains some of them.
PACKAGES = (
    "anthropic",
    "aws_lambda_powertools.event_handler.middlewares.openapi_validation",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.parameters",
    "boto3.dynamodb.conditions",
    "botocore.handlers",
    "pydantic",
)
ARGUMENTS_BEGIN, ARGUMENTS_END = 45, 46
"""Places in /proc/self/stat after the program's name (proc_pid_stat(5), fields 48 and 49)."""


def main() -> None:
    del sys.path[0]  # nothing may be imported from the script's folder
    requests = socket.socket(fileno=int(sys.argv[1]))
    _load_packages()
    if (request := _asked(requests)) is not None:
        program = _become(request)
        requests.close()
        runpy.run_path(program, run_name="__main__")


def _load_packages() -> None:
    """Import those of `PACKAGES` that exist. The module search path is left unchanged."""
    before = sys.path.copy()
    sys.path[:0] = [f"{layer}/python" for layer in reversed(os.environ[LAYERS].split(os.pathsep))]
    for package in PACKAGES:
        with suppress(ImportError):
            importlib.import_module(package)
    sys.path[:] = before


def _asked(requests: socket.socket) -> dict[str, Any] | None:
    """In a new process, its request; in the parent None at the end, when no more requests can come."""
    while True:
        message, streams, _, _ = socket.recv_fds(requests, MESSAGE_BYTES, STREAMS)
        if not message:
            return None
        # A grandchild: its parent exits at once, so the emulator, a subreaper, is notified of its exit.
        if (child := os.fork()) == 0:
            if os.fork() != 0:
                os._exit(0)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            requests.send(str(os.getpid()).encode())
            request: dict[str, Any] = json.loads(message)
            return request
        os.waitpid(child, 0)
        for stream in streams:
            os.close(stream)


def _become(request: dict[str, Any]) -> str:
    """Give this process the state that its command would give it. Returns the program to run."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    command: list[str] = request["command"]
    _show(command)
    sys.argv = command[1:]
    program = command[1]
    sys.path.insert(0, str(Path(program).parent))
    return program


def _show(command: list[str]) -> None:
    """Show the command in /proc, where tests look for processes, as far as it has room for it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[ARGUMENTS_BEGIN]), int(fields[ARGUMENTS_END])
    shown = "\0".join(command).encode()[: end - begin - 1]
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(begin)
        memory.write(shown.ljust(end - begin, b"\0"))


if __name__ == "__main__":
    main()
