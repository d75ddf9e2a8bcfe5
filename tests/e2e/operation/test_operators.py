"""``a2actl`` for operators, on the real template: processes of their own, as somebody on call types them."""

import json
from pathlib import Path
from typing import Any

import pytest

from a2a_tasks.adapters.sqs.notification_messages import to_message
from a2a_tasks.domain.task import Status, TaskRef
from a2a_tasks.domain.webhooks.push import Notification
from local.demo import run_a2actl
from local.deployed import Deployed, Project, wait_until
from tests.e2e.test_webhooks import Receiver, hook, receiving, verify

AGAIN = "msg_e2e_again"


def told(deployed: Deployed, *arguments: str) -> Any:
    """What a command prints as JSON."""
    return json.loads(run_a2actl(deployed.stack, *arguments, "--json"))


@pytest.fixture(scope="module")
def ended(project: Project) -> dict[str, Any]:
    """A task that has written a file and completed."""
    written = json.dumps({"file_path": "notes.md", "content": "hello"})
    agent_id = project.id_of("toolbox")
    accepted = project.submit(f"[[standin: tool=Write:{written} | say=done]] e2e-explain", agent_id=agent_id)
    return project.wait(accepted)


def test_the_doctor_finds_a_fresh_deployment_well(deployed: Deployed, project: Project) -> None:
    found = told(deployed, "doctor", "--task", "--agent", project.agent_id, "--key", project.key)
    assert [finding for finding in found["findings"] if finding["state"] != "ok"] == []
    subjects = {finding["subject"] for finding in found["findings"]}
    assert subjects >= {"Functions", "Event sources", "Schedules", "Table TasksTable", "Authorizer", "Task"}
    assert "completed" in found["findings"][-1]["found"]


def test_a_task_is_explained_by_its_id_alone(deployed: Deployed, ended: dict[str, Any]) -> None:
    found = told(deployed, "tasks", "explain", ended["taskId"])
    assert found["explanation"].startswith("It completed, after ")
    course = [(step["kind"], step.get("name")) for step in found["timeline"]["steps"]]
    assert ("tool", "Write") in course
    assert [kind for kind, _ in course].count("turn") == 2


def test_a_dead_letter_is_sent_again_and_reaches_its_receiver(deployed: Deployed, project: Project) -> None:
    with receiving() as receiver:
        accepted = project.submit("[[standin: say=ok]] e2e-redrive", pushNotificationConfig=hook(receiver))
        project.wait(accepted)
        receiver.wait_for("completed")
        add_dead_letters(deployed, project, accepted["taskId"])
        (letter,) = told(deployed, "dlq", "show", "notifications")
        assert letter["reason"] == "the receiver answered 503"

        run_a2actl(deployed.stack, "dlq", "redrive", "notifications", "--id", letter["id"])

        verify(deployed, project, came_again(receiver))
    counts = {row["queue"]: row["messages"] for row in told(deployed, "dlq", "list")}
    assert counts["notifications"] == 0


def add_dead_letters(deployed: Deployed, project: Project, task_id: str) -> None:
    """A notification that was given up."""
    ref = TaskRef(project.agent_id, task_id)
    config_id = project.request("GET", f"/a2a/{ref.agent_id}/tasks/{task_id}/pushNotificationConfigs").json()
    dead = Notification(
        ref,
        project.project_id,
        config_id["configs"][0]["id"],
        Status.COMPLETED,
        deployed.now(),
        "request-1",
        AGAIN,
    )
    deployed.client("sqs").send_message(
        QueueUrl=deployed.outputs["NotificationDeadLetterQueueUrl"],
        MessageBody=json.dumps(to_message(dead)),
        MessageGroupId=project.project_id,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": "the receiver answered 503"}},
    )


def came_again(receiver: Receiver) -> Any:
    def look() -> Any:
        return next((request for request in receiver.requests if request.id == AGAIN), None)

    return wait_until(look, 30, "the notification that was sent again")


def test_export_and_usage_and_top_know_the_task(
    deployed: Deployed, project: Project, ended: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "tasks.ndjson"
    run_a2actl(deployed.stack, "export", "--project", project.project_id, "--output", str(out))
    exported = {line["taskId"]: line for line in map(json.loads, out.read_text("utf-8").splitlines())}
    assert exported[ended["taskId"]]["output"]["result"] == "done"
    rows = told(deployed, "usage", "--project", project.project_id)  # two around midnight
    assert sum(row["completed"] for row in rows) >= 1
    now = told(deployed, "top", "--once", "--project", project.project_id, "--newest", "1000")
    counted = {agent["agentId"]: agent["tasks"]["completed"] for agent in now["agents"]}
    assert counted[ended["agentId"]] >= 1


def test_erased_is_erased(deployed: Deployed, project: Project, ended: dict[str, Any]) -> None:
    bucket, task_id = deployed.outputs["PayloadBucket"], ended["taskId"]
    s3 = deployed.client("s3")
    assert s3.list_object_versions(Bucket=bucket, Prefix=f"tasks/{task_id}/").get("Versions")

    erased = told(deployed, "erase", "task", task_id, "--yes")["erased"]

    assert (erased["tasks"], erased["left"]) == (1, 0)
    assert project.request("GET", f"/a2a/{ended['agentId']}/tasks/{task_id}").status_code == 404
    assert not s3.list_object_versions(Bucket=bucket, Prefix=f"tasks/{task_id}/").get("Versions")
