"""A stack that is stopped and started again, with what it has stored, also for another deployment.

It is the stack of the other tests, which go on with what is deployed then.
"""

import json

import pytest

from local.deployed import Deployed, Project, wait_until
from tests.integration.support.receiver import Receiver, receiving

TOLD_SECONDS = 60


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


@pytest.mark.timeout(600)  # two deployments, if it is the first test of its stack
def test_a_receiver_is_told_after_a_restart_also_by_another_deployment(
    deployed: Deployed, project: Project
) -> None:
    stack = deployed.stack
    with receiving() as receiver:
        # more changes than will be made after the restart, should they be counted on
        tell(project, receiver)
        tell(project, receiver)
        stack.stop()

        assert stack.up() == deployed.deployment
        tell(project, receiver)
        stack.stop()

        stack.parameters = {**stack.parameters, "LeaseSeconds": "10"}
        other = stack.up()
        assert other.digest != deployed.deployment.digest
        assert (other.api_url, other.outputs) == (deployed.api_url, deployed.deployment.outputs)
        tell(project, receiver)
