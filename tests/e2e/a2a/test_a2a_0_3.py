"""A2A 0.3 with the protocol's client as it was then, on the real template."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.deployed import Deployed, Project, wait_until
from local.tools import A2A_0_3
from tests.e2e.test_webhooks import Received, Receiver, receiving, verify

MISSING_ID = "01a20e77-f9e8-74fa-8a41-5b6c7d8e9f00"
PROGRAM = Path(__file__).parent / "a2a_0_3_client.py"
ENDED = ("completed", "failed", "canceled", "rejected")


@dataclass(frozen=True)
class Client:
    """The program with the older client, connected with an agent."""

    process: subprocess.Popen[str]

    def call(self, name: str, **arguments: Any) -> Any:
        """What the client answers, or the error that it has met."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"call": name, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the client has ended"}')
        return answer.get("result", answer.get("error"))

    def ended(self, task_id: str) -> Any:
        """The task when it has ended."""
        while (task := self.call("get", task_id=task_id))["status"]["state"] not in ENDED:
            time.sleep(0.2)
        return task


@contextmanager
def connected(project: Project, agent_id: str) -> Iterator[Client]:
    A2A_0_3.ensure()
    process = subprocess.Popen(
        [A2A_0_3.program("python"), str(PROGRAM), f"{project.deployed.api_url}/a2a/{agent_id}/v0.3"],
        env=os.environ | {"A2A_KEY": project.key},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Client(process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def client(project: Project) -> Iterator[Client]:
    with connected(project, project.agent_id) as found:
        yield found


def result_of(task: Any) -> Any:
    (artifact,) = task["artifacts"]
    return artifact["parts"][0]["text"]


def of_the_end(receiver: Receiver) -> Received:
    """The notification of the task's completion."""

    def look() -> list[Received]:
        return [each for each in receiver.requests if each.body["status"]["state"] == "completed"]

    return wait_until(look, 60, "the notification")[0]


def test_an_agent_is_discovered(client: Client, project: Project) -> None:
    card = client.call("card")
    assert (card["name"], card["protocolVersion"]) == ("Assistant", "0.3.0")
    assert card["url"] == f"{project.deployed.api_url}/a2a/{project.agent_id}/v0.3"


def test_a_message_is_answered_when_the_task_has_ended(client: Client, project: Project) -> None:
    task = client.call("send", text="[[standin: say=四十二]] e2e-a2a-0.3-blocking")

    assert (task["status"]["state"], result_of(task)) == ("completed", "四十二")
    assert task["contextId"]
    assert task["history"][0]["parts"][0]["text"] == "[[standin: say=四十二]] e2e-a2a-0.3-blocking"
    # the same store: the other API knows it
    seen = project.request("GET", f"/a2a/{project.agent_id}/tasks/{task['id']}").json()
    assert (seen["status"], seen["output"]["result"]) == ("completed", "四十二")


def test_a_caller_that_does_not_wait_polls(client: Client) -> None:
    task = client.call("send", text="[[standin: delay=1; say=later]] e2e-a2a-0.3-polling", blocking=False)

    assert task["status"]["state"] == "submitted"
    done = client.ended(task["id"])
    assert (done["status"]["state"], result_of(done)) == ("completed", "later")


def test_a_question_is_answered_in_its_task(project: Project) -> None:
    ask = f"tool=ask_user:{json.dumps({'question': '哪一年?'})}"
    with connected(project, project.id_of("toolbox")) as client:
        asking = client.call("send", text=f"[[standin: {ask} | say=${{last_tool_result}}]] e2e-a2a-0.3-ask")
        assert asking["status"]["state"] == "input-required"
        assert asking["status"]["message"]["parts"][0]["text"] == "哪一年?"

        done = client.call("send", text="2026", task_id=asking["id"], context_id=asking["contextId"])
        assert (done["id"], done["status"]["state"], result_of(done)) == (asking["id"], "completed", "2026")
        assert client.call("send", text="2027", task_id=asking["id"])["code"] == -32004


def test_a_second_message_goes_on_in_its_context(client: Client) -> None:
    first = client.call("send", text="[[standin: say=one]] e2e-a2a-0.3-context")
    second = client.call("send", text="And then?", context_id=first["contextId"])
    assert (second["contextId"], second["status"]["state"]) == (first["contextId"], "completed")
    assert second["id"] != first["id"]


def test_a_task_is_canceled_once(client: Client) -> None:
    task = client.call("send", text="[[standin: delay=60]] e2e-a2a-0.3-cancel", blocking=False)
    assert client.call("cancel", task_id=task["id"])["status"]["state"] == "canceled"
    assert client.call("cancel", task_id=task["id"])["code"] == -32002


def test_what_is_not_yours_does_not_exist(client: Client, other_project: Project) -> None:
    foreign = other_project.submit("[[standin: say=secret]] e2e-a2a-0.3-foreign")["taskId"]
    for task_id in (foreign, MISSING_ID, "none"):
        assert client.call("get", task_id=task_id)["code"] == -32001


def test_a_stream_tells_what_the_task_does(client: Client) -> None:
    told = client.call("stream", text="[[standin: say=streamed]] e2e-a2a-0.3-stream")

    assert (told["task"]["status"]["state"], result_of(told["task"])) == ("completed", "streamed")
    assert (told["kinds"][0], told["kinds"][-1]) == ("task", "status-update")
    assert "artifact-update" in told["kinds"]


def test_a_task_under_way_is_followed(client: Client) -> None:
    task = client.call("send", text="[[standin: delay=2; say=at last]] e2e-a2a-0.3-follow", blocking=False)
    told = client.call("resubscribe", task_id=task["id"])
    assert (told["task"]["status"]["state"], result_of(told["task"])) == ("completed", "at last")
    assert client.call("resubscribe", task_id=MISSING_ID)["code"] == -32001


def test_a_receiver_is_sent_the_task_as_it_was_then(
    client: Client, deployed: Deployed, project: Project
) -> None:
    with receiving() as first, receiving() as second:
        authentication = {"schemes": ["Bearer"], "credentials": "s3cret"}
        push = {"id": "first", "url": first.url, "token": "t0ken", "authentication": authentication}
        text = "[[standin: delay=3; say=pushed]] e2e-a2a-0.3-push"
        task = client.call("send", text=text, blocking=False, push=push)
        added = client.call("set_push", task_id=task["id"], config={"id": "second", "url": second.url})

        assert added["pushNotificationConfig"]["url"] == second.url
        assert client.call("get_push", task_id=task["id"], config_id="second") == added
        assert client.call("get_push", task_id=task["id"])["pushNotificationConfig"]["url"] == first.url
        for receiver in (first, second):
            told = of_the_end(receiver)
            verify(deployed, project, told)
            assert (told.body["kind"], told.body["id"], result_of(told.body)) == (
                "task",
                task["id"],
                "pushed",
            )
        assert told.headers.get("x-a2a-notification-token") is None
        headers = first.requests[0].headers
        assert (headers["x-a2a-notification-token"], headers["authorization"]) == ("t0ken", "Bearer s3cret")
