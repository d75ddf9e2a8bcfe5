"""Faults as they happen: dead, frozen and cut-off workers, lost and doubled messages, an overloaded model."""

import contextlib
import json
import os
import signal
import time
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.domain import ids
from a2a_tasks.domain.schedule import DISPATCH_GRACE_MS, due_after_create
from a2a_tasks.domain.task import Payload, Status, Task, TaskRef
from local.deployed import Deployed, Project, wait_until


@pytest.fixture(scope="module", autouse=True)
def unannounced(deployed: Deployed, project: Project) -> TaskRef:
    """The crash between put and send: the record is there, its message is not, and nobody is about to send
    it. The other tests of this file have the minute until the schedule's next look."""
    now = deployed.now() - DISPATCH_GRACE_MS
    ref = TaskRef(project.agent_id, ids.task_id(now, b"undispatch"))
    deadline = now + 300_000
    store = DynamoDBTaskStore(deployed.client("dynamodb"), deployed.outputs["TasksTable"])
    store.create(
        Task(
            ref=ref,
            project_id=project.project_id,
            status=Status.PENDING,
            created_at=now,
            updated_at=now,
            deadline=deadline,
            input=Payload(inline=json.dumps({"message": "[[standin: say=found]] e2e-undispatched"})),
            agent_revision=1,
            model="claude-sonnet-5-5",
            max_attempts=3,
            correlation_id="e2e-undispatched",
            due_at=due_after_create(now, deadline),
        )
    )
    return ref


def test_a_killed_worker_is_replaced_within_a_minute(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: hang | say=second]] e2e-kill")
    project.wait_for_call("e2e-kill")
    assert project.get(accepted)["attempts"] == 1
    killed_at = time.monotonic()
    assert deployed.signal_workers(signal.SIGKILL)

    task = project.wait(accepted, seconds=90)
    assert time.monotonic() - killed_at < 60
    assert (task["status"], task["attempts"]) == ("completed", 2)
    assert task["output"]["result"] == "second"
    assert len(deployed.calls("e2e-kill")) == 2


def test_a_frozen_worker_that_wakes_up_late_writes_nothing(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: delay=4; once; say=stale | say=fresh]] e2e-freeze")
    project.wait_for_call("e2e-freeze")
    frozen = deployed.signal_workers(signal.SIGSTOP)
    assert frozen
    try:
        task = project.wait(accepted, seconds=90)
    finally:
        for process in frozen:
            # from here on it believes that it still holds the task, and finishes its own answer
            _continue(process)
    assert (task["attempts"], task["output"]["result"]) == (2, "fresh")
    first, second = project.wait_for_call("e2e-freeze", 2)
    wait_until(lambda: deployed.calls("e2e-freeze")[0].ended_at, 30, "the end of the stale worker's call")
    accepted_again = project.submit("[[standin: say=after]] e2e-after-freeze")
    project.wait(accepted_again)  # the environment works on, so the stale write has been tried
    assert project.get(accepted) == task
    assert first.index != second.index


def _continue(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def test_the_same_message_twice_at_once_is_one_execution(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: delay=2; say=once]] e2e-twice")
    body = json.dumps({"agentId": project.agent_id, "taskId": accepted["taskId"]})
    sqs = deployed.client("sqs")
    for _ in range(3):
        sqs.send_message(QueueUrl=deployed.outputs["TaskQueueUrl"], MessageBody=body)
    task = project.wait(accepted)
    assert (task["status"], task["attempts"], task["output"]["result"]) == ("completed", 1, "once")
    assert len(deployed.calls("e2e-twice")) == 1


@pytest.mark.parametrize(
    ("step", "attempts"),
    [
        ("err=429; retry_after=2", 1),
        ("err=529", 1),
        ("err=500 | err=504", 3),
        ("drop", 2),
        ("eof", 2),
        ("sse_err=overloaded_error", 1),
    ],
)
def test_an_overloaded_or_broken_model_is_tried_again(project: Project, step: str, attempts: int) -> None:
    task = project.wait(project.submit(f"[[standin: {step} | say=at last]] e2e-busy {step}"))
    assert (task["status"], task["attempts"]) == ("completed", attempts)
    assert task["output"]["result"] == "at last"


def test_the_third_overload_fails_a_task_whose_caller_says_so(deployed: Deployed, project: Project) -> None:
    task = project.wait(project.submit("[[standin: err=529]] e2e-overloaded", maxAttempts=3), seconds=60)
    assert (task["status"], task["attempts"]) == ("failed", 3)
    assert task["errorDetails"]["code"] == "MODEL_OVERLOADED"
    assert len(deployed.calls("e2e-overloaded")) == 3


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("err=400", "EXECUTION_ERROR"),
        ("err=401", "AGENT_MISCONFIGURED"),
        ("err=413", "EXECUTION_ERROR"),
        ("stop=refusal", "MODEL_REFUSED"),
        ("say=half of it; stop=max_tokens", "OUTPUT_TRUNCATED"),
    ],
)
def test_what_trying_again_cannot_cure_fails_at_once(
    deployed: Deployed, project: Project, step: str, code: str
) -> None:
    marker = f"e2e-refused {step}"
    task = project.wait(project.submit(f"[[standin: {step}]] {marker}"))
    assert (task["status"], task["attempts"]) == ("failed", 1)
    assert task["errorDetails"]["code"] == code
    assert "sk-" not in task["errorDetails"]["message"]
    assert len(deployed.calls(marker)) == 1


def test_a_silent_model_ends_at_the_deadline(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: ping]] e2e-silent", timeout=4000)
    task = project.wait(accepted, seconds=20)
    assert (task["status"], task["errorDetails"]["code"]) == ("failed", "TIMEOUT")
    wait_until(lambda: deployed.calls("e2e-silent")[0].ended_at, 5, "the end of the model call")


def test_cancel_stops_the_model_call_within_a_heartbeat(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: ping]] e2e-cancel")
    project.wait_for_call("e2e-cancel")
    canceled = project.request("DELETE", accepted["checkUrl"])
    assert canceled.status_code == 200
    assert canceled.json()["status"] == "canceled"
    assert project.request("DELETE", accepted["checkUrl"]).json() == canceled.json()
    wait_until(lambda: deployed.calls("e2e-cancel")[0].ended_at, 20, "the end of the model call")
    assert project.get(accepted)["status"] == "canceled"


def test_a_completed_task_cannot_be_canceled(project: Project) -> None:
    accepted = project.submit("[[standin: say=done]] e2e-late-cancel")
    project.wait(accepted)
    answer = project.request("DELETE", accepted["checkUrl"])
    assert (answer.status_code, answer.json()["code"]) == (409, "TASK_NOT_CANCELABLE")


def test_a_dead_letter_ends_no_task_that_has_time_left(deployed: Deployed, project: Project) -> None:
    accepted = project.submit("[[standin: say=done]] e2e-dead", delaySeconds=12)
    deployed.client("sqs").send_message(
        QueueUrl=deployed.outputs["TaskDeadLetterQueueUrl"],
        MessageBody=json.dumps({"agentId": project.agent_id, "taskId": accepted["taskId"]}),
    )
    names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty() -> bool:
        url = deployed.outputs["TaskDeadLetterQueueUrl"]
        answer = deployed.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return all(count == "0" for count in answer["Attributes"].values())

    wait_until(is_empty, 20, "the dead-letter function")
    task = project.wait(accepted, seconds=60)
    assert (task["status"], task["attempts"]) == ("completed", 1)


def test_a_task_that_was_never_announced_is_found_by_the_schedule(
    project: Project, unannounced: TaskRef
) -> None:
    path = f"/a2a/{unannounced.agent_id}/tasks/{unannounced.task_id}"
    task = project.wait({"taskId": unannounced.task_id, "checkUrl": path}, seconds=150)
    assert (task["status"], task["output"]["result"]) == ("completed", "found")
