"""A worker that is stopped for longer than its lease, and goes on as if nothing had happened, writes nothing
that counts: real signals to a real process with the code of the deployed worker."""

import json
import os
import signal
import time
from typing import Any

from local.deployed import Project, wait_until
from tests.e2e.crashes.test_killed_at import LEASE_SECONDS, Workers, submit
from tests.e2e.crashes.test_killed_at import workers as workers

STOPPED_SECONDS = 5 * LEASE_SECONDS


def everything_of(workers: Workers, accepted: dict[str, Any]) -> tuple[Any, ...]:
    """The task's record with its texts, all that it owns, and its objects."""
    dynamodb, s3 = workers.deployed.client("dynamodb"), workers.deployed.client("s3")
    table, bucket = workers.deployed.outputs["TasksTable"], workers.deployed.outputs["PayloadBucket"]
    task_id = accepted["taskId"]
    items = [
        dynamodb.query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            ConsistentRead=True,
        )["Items"]
        for partition in (f"TASK#{task_id}", f"OWNED#{task_id}")
    ]
    assert all(items)
    objects = s3.list_objects_v2(Bucket=bucket, Prefix=f"tasks/{task_id}/").get("Contents", [])
    return items, sorted((each["Key"], each["ETag"]) for each in objects)


def test_a_stopped_worker_wakes_up_to_nothing(workers: Workers, project: Project) -> None:
    marker = "stopped worker"
    # it is stopped while its last turn comes, which it would save when it wakes up
    accepted = submit(workers, project, marker, last="say=late; delay=3; once | say=done")
    first = workers.deliver()
    wait_until(lambda: workers.deployed.calls(marker)[2:], 60, "the third call")
    os.kill(first.pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    try:
        workers.finish(project, accepted)
        task = project.get(accepted)
        assert (task["status"], task["output"]["result"]) == ("completed", "done")
        before = everything_of(workers, accepted)
        time.sleep(max(0, STOPPED_SECONDS - (time.monotonic() - stopped_at)))
    finally:
        os.kill(first.pid, signal.SIGCONT)
    first.join(60)

    assert first.exitcode == 0
    assert everything_of(workers, accepted) == before
    body = json.dumps({"agentId": project.id_of("toolbox"), "taskId": accepted["taskId"]})
    workers.sqs.send_message(QueueUrl=workers.queue_url, MessageBody=body)  # its own is gone, or comes back
    third = workers.deliver()
    third.join(60)
    assert everything_of(workers, accepted)[1:] == before[1:]
