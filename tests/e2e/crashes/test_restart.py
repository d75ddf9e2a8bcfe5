"""A stack that is stopped and started again, with what it has stored, also for another deployment.

It has an emulator of its own, since it stops it.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.deployed import Deployed, Project, make_project, wait_until
from local.stack import LocalStack
from local.standin.client import StandInClient
from tests.e2e.conftest import AGENTS
from tests.integration.support.receiver import Receiver, receiving

TOLD_SECONDS = 60


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[LocalStack]:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-restart-"))
    stack = LocalStack.separate(folder)
    try:
        yield stack
    finally:
        stack.stop()
        if not request.session.testsfailed:
            shutil.rmtree(folder, ignore_errors=True)


def up(stack: LocalStack) -> Deployed:
    return Deployed(stack, stack.up(), StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}"))


def tell(project: Project, receiver: Receiver) -> None:
    """Do a task that is told to a receiver. Raises ``TimeoutError`` unless its end is told."""
    accepted = project.submit(
        "[[standin: say=Hi.]] e2e-restart", pushNotificationConfig={"url": receiver.url}
    )

    def told() -> bool:
        bodies = [json.loads(request.body) for request in receiver.requests]
        changes = [body.get("task") or body["statusUpdate"] for body in bodies]
        return any(
            accepted["taskId"] in (change.get("id"), change.get("taskId"))
            and change["status"]["state"] == "TASK_STATE_COMPLETED"
            for change in changes
        )

    wait_until(told, TOLD_SECONDS, f"the end of {accepted['taskId']} told")


@pytest.mark.timeout(600)  # two deployments
def test_a_receiver_is_told_after_a_restart_also_by_another_deployment(stack: LocalStack) -> None:
    deployed = up(stack)
    project = make_project(deployed, "kept", AGENTS)
    with receiving() as receiver:
        # more changes than will be made after the restart, should they be counted on
        tell(project, receiver)
        tell(project, receiver)
        stack.stop()

        again = up(stack)
        assert again.deployment == deployed.deployment
        tell(replace(project, deployed=again), receiver)
        stack.stop()

        stack.parameters = {"LeaseSeconds": "9"}
        other = up(stack)
        assert other.deployment.digest != deployed.deployment.digest
        tell(replace(project, deployed=other), receiver)
