"""No function's process is left, however its gateway ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import pathlib, sys, time
from local.gateway.function_process import start_process
start_process(pathlib.Path(sys.argv[1]), sys.executable, pathlib.Path("/"), {"PATH": "/usr/bin:/bin"})
time.sleep(3600)
"""


def test_a_function_ends_with_a_gateway_that_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "held")
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f"#!/bin/sh\nexec > {tmp_path}/held\necho begun\nsleep 3600\n")
    wrapper.chmod(0o755)
    gateway = subprocess.Popen([sys.executable, "-c", PROGRAM, str(wrapper)], cwd=Path(__file__).parents[3])

    with (tmp_path / "held").open() as held:
        assert held.readline() == "begun\n"
        gateway.send_signal(signal.SIGKILL)
        gateway.wait()

        assert held.read() == ""  # nobody holds its other end any more
