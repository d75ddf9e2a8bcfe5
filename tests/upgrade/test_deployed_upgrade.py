"""The release before this one is deployed, upgraded under load, runs beside the new one, and is gone back to.

Two builds and four deployments: minutes. What data and code of two releases do to each other is in
tests/integration/upgrade, in seconds.
"""

import itertools
import json
import sys
import threading
from typing import Any

import pytest

from local.builds.previous_release import Release, previous_release
from local.deployed import Deployed, Project, make_project, wait_until
from local.standin.client import StandInClient
from local.tools import ROOT
from tests.integration.support.receiver import Receiver, receiving
from tests.upgrade.releases import Upgraded

AGENTS = ROOT / "tests" / "e2e" / "agents.yaml"
PARAMETERS = {"WorkerTimeoutSeconds": "120"}
HERE = Release("this one", ROOT)
PAUSE_SECONDS = 0.5
SIDE_BY_SIDE = 40

pytestmark = pytest.mark.timeout(3_600)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Release:
    release = previous_release(tmp_path_factory.mktemp("previous"))
    sys.stderr.write(f"The release before is {release.name}. {release.stands_in}\n")
    return release


class Load:
    """New tasks all the while, each told to a receiver."""

    def __init__(self, project: Project, receiver: Receiver) -> None:
        self.project = project
        self.receiver = receiver
        self.accepted: dict[int, dict[str, Any]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for number in itertools.count():
            if self._over.wait(PAUSE_SECONDS):
                return
            body = {
                "message": f"[[standin: delay=1; say=load {number}]] upgrade-load-{number}.",
                "pushNotificationConfig": {"url": self.receiver.url},
            }
            # a request whose answer was lost, while the gateway changes over, is made again
            answer = self.project.request_with_retries(
                "POST",
                f"/a2a/{self.project.agent_id}/tasks",
                120,
                json=body,
                headers={"Idempotency-Key": f"load-{number}"},
            )
            assert answer.status_code == 202, answer.text
            self.accepted[number] = answer.json()

    def told(self) -> set[str]:
        """The tasks whose ends the receiver was told of."""
        bodies = [json.loads(request.body) for request in self.receiver.requests]
        changes = [body.get("task") or body["statusUpdate"] for body in bodies]
        return {
            change.get("id") or change["taskId"]
            for change in changes
            if change["status"]["state"] == "TASK_STATE_COMPLETED"
        }


def in_every_state(project: Project) -> dict[str, dict[str, Any]]:
    toolbox, limited = f"{project.project_id}-toolbox", f"{project.project_id}-limited"
    asking = project.submit(
        '[[standin: tool=ask_user:{"question": "Which year?"} | say=${last_tool_result}]]', toolbox
    )
    project.wait(asking, frozenset({"input_required"}))
    completed = project.submit("[[standin: say=done]] upgrade-completed")
    project.wait(completed)
    step = 'tool=report_progress:{"step":"one"}'
    return {
        "completed": completed,
        "asking": asking,
        "under way": project.submit(f"[[standin: {step}; delay=40 | say=done]] upgrade-under-way", toolbox),
        "delayed": project.submit("[[standin: say=done]] upgrade-delayed", delaySeconds=90),
        "in a batch": project.submit("[[standin: say=done]] upgrade-batch", lane="batch"),
        **{
            f"in line {n}": project.submit(f"[[standin: delay=5; say=done]] upgrade-line-{n}", limited)
            for n in range(10)
        },
    }


def test_no_task_is_lost_over_an_upgrade_and_the_way_back(before: Release, upgraded: Upgraded) -> None:
    old = upgraded.deploy(before, **PARAMETERS, LeaseSeconds="9")
    standin = StandInClient(f"http://127.0.0.1:{upgraded.stack.ports.stand_in}")
    deployed = Deployed(upgraded.stack, old, standin)
    project = make_project(deployed, "upgrade", AGENTS)
    first = upgraded.versions()
    tasks = in_every_state(project)

    with receiving() as receiver:
        with Load(project, receiver) as load:
            # deployed with another setting, if it is the same release: then too it is another version
            upgraded.deploy(HERE, **PARAMETERS, LeaseSeconds="10")
            second = upgraded.versions()
            assert {name for name in first if first[name] == second[name]} == set()

            upgraded.share(first, 0.5)
            count = len(load.accepted)
            wait_until(lambda: len(load.accepted) >= count + SIDE_BY_SIDE, 300, "tasks of both releases")
            upgraded.share(first, 0)
            assert {
                first[f"{upgraded.stack.stack_name}-api"],
                second[f"{upgraded.stack.stack_name}-api"],
            } <= upgraded.ran("api")

            answer = project.request_with_retries(
                "POST", f"{tasks['asking']['checkUrl']}/messages", json={"message": "2026"}
            )
            assert answer.status_code == 202
            tasks |= {f"of the new: {name}": task for name, task in in_every_state(project).items()}

            upgraded.deploy(before, **PARAMETERS, LeaseSeconds="9")
            count = len(load.accepted)
            wait_until(lambda: len(load.accepted) >= count + 10, 120, "tasks after the way back")

        asking = tasks["of the new: asking"]
        project.request_with_retries("POST", f"{asking['checkUrl']}/messages", json={"message": "2027"})
        ended = {name: project.wait(task, seconds=300) for name, task in (tasks | load_tasks(load)).items()}

        assert {name: task["status"] for name, task in ended.items()} == dict.fromkeys(ended, "completed")
        assert ended["asking"]["output"]["result"] == "2026"
        assert ended["of the new: asking"]["output"]["result"] == "2027"
        for number in load.accepted:
            assert len(deployed.calls(f"upgrade-load-{number}.")) == 1, f"load {number} was paid for twice"
        everyone = {task["taskId"] for task in load.accepted.values()}
        wait_until(lambda: everyone <= load.told(), 120, "all ends told")


def load_tasks(load: Load) -> dict[str, dict[str, Any]]:
    return {f"load {number}": task for number, task in load.accepted.items()}
