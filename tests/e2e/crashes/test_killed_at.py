"""The worker is killed at every point of a task's life; what was saved is never bought or done again.

Real processes with the code of the deployed worker, on the emulator and against the stand-in for Claude. The
task has three turns: it writes a file and reads it, saves an artifact, and answers.
"""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from local.deployed import Deployed, Project, wait_until
from local.standin.request.prefixes import extends
from tests.e2e.crashes import killed_worker
from tests.integration.support.account import record_of
from tests.integration.support.template import environment

LEASE_SECONDS = 2
WRITE = 'tool=Write:{"file_path": "a.txt", "content": "kept"}; tool=Read:{"file_path": "a.txt"}'
ARTIFACT = 'tool=save_artifact:{"name": "a.txt", "media_type": "text/plain", "content": "kept"}'
TURNS = 3
PRELOADED = (
    "a2a_tasks.adapters.claude.model",
    "a2a_tasks.adapters.workspace.folder",
    "a2a_tasks.execution.agent_loop",
    "a2a_tasks.execution.worker",
    "a2a_tasks.wiring.submitter",
    "a2a_tasks.wiring.tasks",
    "a2a_tasks.wiring.worker",
)
"""What the worker imports, for all of its processes at once: it is most of the time of their start."""


@dataclass(frozen=True)
class Point:
    """Where the process dies: at a call of a port, before or after its effect. ``calls`` are how many the
    model gets in all: one more where a reply was lost. ``uncounted`` is a reply that was lost before even its
    cost was written down. ``interrupted`` says that the model must be told."""

    name: str
    port: str
    call: int
    after: bool
    calls: int = TURNS
    uncounted: bool = False
    interrupted: bool = False


POINTS = [
    Point("before the claim", "store.claim", 1, after=False),
    Point("between the claim and the work", "store.claim", 1, after=True),
    Point("before the first call", "model.turn", 1, after=False),
    Point(
        "between the first reply and its saving", "model.turn", 1, after=True, calls=TURNS + 1, uncounted=True
    ),
    Point("while a reply is saved", "store.advance", 1, after=True, calls=TURNS + 1),
    Point("between the prompt and the reply", "records.put_record", 1, after=True, calls=TURNS + 1),
    Point("when the reply is saved", "records.put_record", 2, after=True),
    Point("before a tool is marked as started", "records.put_record", 3, after=False),
    Point("when a tool is marked as started", "records.put_record", 3, after=True, interrupted=True),
    Point("between a tool and its result", "records.put_record", 4, after=False, interrupted=True),
    Point("when a tool's result is saved", "records.put_record", 4, after=True),
    Point("before the result of a harmless tool is saved", "records.put_record", 5, after=False),
    Point("before the second call", "model.turn", 2, after=False),
    Point(
        "between the second reply and its saving",
        "model.turn",
        2,
        after=True,
        calls=TURNS + 1,
        uncounted=True,
    ),
    Point("when the second reply is saved", "records.put_record", 6, after=True),
    Point("between an artifact and its record", "records.put_record", 7, after=False),
    Point("when the artifact is recorded", "records.put_record", 7, after=True),
    Point("before the last call", "model.turn", 3, after=False),
    Point(
        "between the last reply and completed",
        "store.finish",
        1,
        after=False,
        calls=TURNS + 1,
        uncounted=True,
    ),
    Point("when it is completed", "store.finish", 1, after=True),
    Point("before its slot is free", "slots.free", 1, after=False),
    Point("before its message is deleted", "queue.delete", 1, after=False),
]


@dataclass(frozen=True)
class Workers:
    """Starts worker processes for one queue that no deployed worker reads."""

    deployed: Deployed
    variables: dict[str, str]

    @property
    def sqs(self) -> Any:
        return self.deployed.client("sqs")

    @property
    def queue_url(self) -> str:
        return self.variables["TASK_QUEUE_URL"]

    def deliver(self, point: str = "none.none", call: int = 1, *, after: bool = False) -> Any:
        """Start a process for the next message."""
        record = wait_until(self._receive, 20, "a message")
        context = multiprocessing.get_context("forkserver")
        arguments = (self.variables, {"Records": [record]}, point, call, after)
        process = context.Process(target=killed_worker.work, args=arguments)
        process.start()
        return process

    def finish(self, project: Project, accepted: dict[str, Any]) -> None:
        """Deliver what comes back until the task has ended: at first the dead one's lease may still live."""
        for _ in range(5):
            process = self.deliver()
            process.join(60)
            assert process.exitcode == 0
            if project.get(accepted)["status"] not in ("pending", "running"):
                return

    def _receive(self) -> dict[str, Any]:
        answer = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=1,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return record_of(answer["Messages"][0]) if answer.get("Messages") else {}


@pytest.fixture(scope="module")
def workers(deployed: Deployed) -> Iterator[Workers]:
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(PRELOADED))
    sqs = deployed.client("sqs")
    url = sqs.create_queue(QueueName="killed-workers")["QueueUrl"]
    outputs = deployed.outputs
    resources = {
        "TasksTable": outputs["TasksTable"],
        "RegistryTable": outputs["RegistryTable"],
        "PayloadBucket": outputs["PayloadBucket"],
        "TaskQueue": url,
        "UrgentTaskQueue": url,
        "DirectTaskQueue": url,
        "ClaudeApiKeySecret": outputs["ClaudeApiKeySecretArn"],
    }
    variables = environment("WorkerFunction", resources) | {
        "CLAUDE_BASE_URL": deployed.stack.claude.base_url,
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "TASK_QUEUE_URL": url,
        "URGENT_TASK_QUEUE_URL": url,
        "LOG_LEVEL": "CRITICAL",
        **deployed.stack.aws_environment,
    }
    yield Workers(deployed, variables)
    sqs.delete_queue(QueueUrl=url)


def submit(workers: Workers, project: Project, marker: str, last: str = "say=done") -> dict[str, Any]:
    """A task whose message is in the workers' queue, since its own does not start for a while."""
    message = f"[[standin: {WRITE} | {ARTIFACT} | {last}]] {marker}"
    accepted = project.submit(message, project.id_of("toolbox"), delaySeconds=901)
    workers.deployed.client("dynamodb").update_item(
        TableName=workers.deployed.outputs["TasksTable"],
        Key={
            "pk": {"S": f"TASK#{accepted['taskId']}"},
            "sk": {"S": f"TASK#{project.id_of('toolbox')}"},
        },
        UpdateExpression="SET notBefore = :now",
        ExpressionAttributeValues={":now": {"N": "0"}},
    )
    body = {"agentId": project.id_of("toolbox"), "taskId": accepted["taskId"]}
    workers.sqs.send_message(QueueUrl=workers.queue_url, MessageBody=json.dumps(body))
    return accepted


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name.replace(" ", "-"))
def test_a_killed_worker_costs_at_most_the_reply_it_had_not_saved(
    workers: Workers, project: Project, point: Point
) -> None:
    marker = f"killed {point.name}"
    accepted = submit(workers, project, marker)
    first = workers.deliver(point.port, point.call, after=point.after)
    first.join(60)
    assert first.exitcode == -signal.SIGKILL
    workers.finish(project, accepted)

    task = project.get(accepted)
    assert (task["status"], task["output"]["result"]) == ("completed", "done")
    assert [artifact["name"] for artifact in task["output"]["artifacts"]] == ["a.txt"]
    assert task["usage"]["turns"] == point.calls - point.uncounted
    bodies = workers.deployed.standin.bodies(marker)
    assert len(bodies) == point.calls
    for earlier, later in pairwise(bodies):
        assert extends(earlier, later)
    assert_told(bodies[-1], interrupted=point.interrupted)
    assert_no_slot(workers, project, accepted)


def assert_told(body: Any, *, interrupted: bool) -> None:
    write, read = body["messages"][2]["content"]
    assert write.get("is_error", False) is interrupted
    assert ("interrupted" in write["content"]) is interrupted
    # an interrupted file is not there: the model can see that, and write it again
    assert ("kept" in read["content"]) is not interrupted


def assert_no_slot(workers: Workers, project: Project, accepted: dict[str, Any]) -> None:
    slots = workers.deployed.client("dynamodb").query(
        TableName=workers.deployed.outputs["TasksTable"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :slot)",
        ExpressionAttributeValues={
            ":pk": {"S": f"SLOTS#{project.id_of('toolbox')}"},
            ":slot": {"S": "SLOT#"},
        },
        ConsistentRead=True,
    )
    assert accepted["taskId"] not in {item["task"]["S"] for item in slots["Items"]}


def test_a_worker_killed_in_the_stream_costs_that_reply(workers: Workers, project: Project) -> None:
    marker = "killed in the stream"
    accepted = submit(workers, project, marker, last="size=4000; delay=20; once | say=done")
    first = workers.deliver()
    call = wait_until(lambda: workers.deployed.calls(marker)[2:], 30, "the third call")[0]
    wait_until(lambda: workers.deployed.calls(marker)[2].first_byte_at, 10, "its first byte")
    os.kill(first.pid, signal.SIGKILL)
    first.join(10)
    killed_at = time.monotonic()
    workers.finish(project, accepted)
    assert time.monotonic() - killed_at < 30
    task = project.get(accepted)
    assert (task["status"], task["output"]["result"]) == ("completed", "done")
    assert len(workers.deployed.calls(marker)) == TURNS + 1
    assert call.step == TURNS
