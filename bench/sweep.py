"""What a sweep costs when nothing is due among 50,000 stored tasks: it must read no task."""

import time
from collections import Counter
from typing import Any

import boto3
from moto import mock_aws

from a2a_tasks.adapters import task_items
from a2a_tasks.adapters.attributes import to_attributes
from a2a_tasks.adapters.dynamodb_tasks import DynamoDBTaskStore
from a2a_tasks.adapters.sqs_queue import SQSTaskQueue
from a2a_tasks.adapters.system import SystemClock, SystemEntropy
from a2a_tasks.domain import ids
from a2a_tasks.domain.task import Payload, Status, Task, TaskRef
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.sweep import Sweeper
from bench.report import table
from tests.integration.template import table_definition
from tests.twins.telemetry import MemoryTelemetry

STORED = 50_000
LIVE_SHARE = 10
"""Every tenth stored task is live and due later; the others have ended and left the index."""
BATCH = 25


def run() -> None:
    """Print the table."""
    with mock_aws():
        row = _measure()
    table(
        f"A sweep with nothing due among {STORED:,} stored tasks",
        ["", "index queries", "index entries read", "task reads", "writes", "time"],
        [row],
    )


def _measure() -> list[object]:
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="bench", aws_secret_access_key="bench")  # noqa: S106
    dynamodb: Any = session.client("dynamodb")
    dynamodb.create_table(TableName="tasks", **table_definition("TasksTable"))
    _fill(dynamodb)
    seen: Counter[str] = Counter()
    session.events.register("before-call.dynamodb", lambda model, **_: seen.update([model.name]))
    read = Counter[str]()
    session.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.update(entries=parsed.get("ScannedCount", 0))
    )
    counted: Any = session.client("dynamodb")
    store, telemetry = DynamoDBTaskStore(counted, "tasks"), MemoryTelemetry()
    queue = SQSTaskQueue(session.client("sqs"), "unused")
    ending = Ending(store, SystemClock(), SystemEntropy(), telemetry, retention_ms=86_400_000)
    started = time.perf_counter()
    Sweeper(store, queue, ending, telemetry).sweep(lambda: True)
    took = time.perf_counter() - started
    writes = seen["UpdateItem"] + seen["PutItem"]
    return ["sweep", seen["Query"], read["entries"], seen["GetItem"], writes, f"{took:.2f} s"]


def _fill(dynamodb: Any) -> None:
    now = SystemClock().now()
    for start in range(0, STORED, BATCH):
        items = [_item(now, n) for n in range(start, start + BATCH)]
        dynamodb.batch_write_item(RequestItems={"tasks": [{"PutRequest": {"Item": item}} for item in items]})


def _item(now: int, n: int) -> dict[str, Any]:
    live = n % LIVE_SHARE == 0
    task_id = ids.task_id(now - n, n.to_bytes(10))
    task = Task(
        ref=TaskRef(f"agent-{n % 20}", task_id),
        project_id="bench",
        status=Status.PENDING if live else Status.COMPLETED,
        created_at=now - n,
        updated_at=now,
        deadline=now + 300_000,
        input=Payload(inline="{}"),
        agent_revision=1,
        model="claude-sonnet-5-5",
        max_attempts=3,
        correlation_id="bench",
        due_at=now + 300_000 if live else None,
    )
    ended = {"expireShard": task_items.retention_shard(task_id), "expireAt": now + 86_400_000}
    return task_items.to_item(task) | ({} if live else to_attributes(ended))
