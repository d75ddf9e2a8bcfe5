"""An operator stops work and lets it go on: what is posted meanwhile is accepted, waits, and is done."""

import subprocess
import sys

import pytest

from local.deployed import Deployed, Project, wait_until


@pytest.fixture
def operate(deployed: Deployed) -> "Operate":
    return Operate(deployed)


class Operate:
    """``a2actl queue`` on the stack."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed = deployed

    def __call__(self, *command: str) -> str:
        stack = self.deployed.stack
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from a2actl.main import app; app()",
                "--stack",
                stack.stack_name,
                *command,
            ],
            env=stack.command_environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def test_tasks_posted_during_a_pause_wait_and_are_done_after_it(
    deployed: Deployed, project: Project, operate: Operate
) -> None:
    under_way = project.submit("[[standin: delay=8; say=done]] e2e-pause-under-way")
    project.wait_for_call("e2e-pause-under-way")
    operate("queue", "pause", "--reason", "e2e")
    try:
        accepted = [project.submit(f"[[standin: say=done]] e2e-pause-{n}") for n in range(3)]
        assert project.wait(under_way)["status"] == "completed"
        assert not deployed.calls("e2e-pause-0")
        assert {project.get(task)["status"] for task in accepted} == {"pending"}
        stats = operate("queue", "stats")
        assert "Work: paused since " in stats
    finally:
        operate("queue", "resume")
    assert {project.wait(task)["status"] for task in accepted} == {"completed"}
    for n in range(3):
        assert len(deployed.calls(f"e2e-pause-{n}")) == 1
    wait_until(lambda: "Work: is taken" in operate("queue", "stats"), 5, "the switch is off")
