"""The emulator's functions share their layers' files, and the memory of the packages that are in them."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from local.deployed import Deployed, Project, wait_until
from tests.e2e.conftest import ANNOUNCED_AGAIN_SECONDS


def test_no_environment_unpacks_layers_of_its_own(deployed: Deployed, project: Project) -> None:
    assert project.wait(project.submit("[[standin: say=done]] e2e-layers"))["status"] == "completed"
    temporary = deployed.stack.folder / "tmp"
    assert list(temporary.glob("ministack-lambda-*-worker-*/_worker.py"))
    assert list(temporary.glob("ministack-lambda-*/layer_*")) == []


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="functions are forked on Linux alone")
def test_a_worker_after_the_first_is_a_fork_that_ends_as_any_other(
    deployed: Deployed, project: Project
) -> None:
    def work(marker: str) -> None:
        accepted = project.submit(f"[[standin: say=done]] e2e-fork {marker}")
        task = project.wait(accepted, seconds=ANNOUNCED_AGAIN_SECONDS)
        assert task["status"] == "completed"

    work("first")
    deployed.signal_workers(signal.SIGKILL)
    work("second")

    (fork, *_) = (Path(f"/proc/{process}") for process in deployed.worker_processes())
    assert b"_worker.py\0\0" in (fork / "cmdline").read_bytes()  # and the rest of the room for it
    deployed.signal_workers(signal.SIGKILL)
    work("third")
    wait_until(lambda: not fork.exists(), 10, "the end of a fork seen by the emulator")

    forked = forked_processes(deployed.stack.folder)
    for process in forked:
        os.kill(process, signal.SIGKILL)
    deployed.signal_workers(signal.SIGKILL)
    work("without what it would be a fork of")
    assert forked


def forked_processes(folder: Path) -> list[int]:
    """The ids of those whose forks a stack's functions are."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command, variables = ((process / name).read_bytes() for name in ("cmdline", "environ"))
            if b"function_forks.py" in command and str(folder).encode() in variables:
                found.append(int(process.name))
    return found
