"""The cost of a sweep when none of 50,000 stored tasks is due: it must read no task."""

import time
from typing import Any

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.tasks import task_items
from a2a_tasks.adapters.system import SystemClock
from a2a_tasks.domain import ids
from a2a_tasks.domain.task import Payload, Status, Task, TaskRef
from bench.report import step, table
from bench.support.moto_functions import Functions, functions_on_moto

STORED = 50_000
LIVE_SHARE = 10
"""Every tenth stored task is live and due later; the others have ended and are not in the index."""
BATCH = 25


def run() -> None:
    """Print the table."""
    with step(f"Store {STORED:,} tasks, and sweep"), functions_on_moto() as functions:
        row = _measure(functions)
    table(
        f"A sweep with nothing due among {STORED:,} stored tasks",
        ["", "index queries", "index entries read", "task reads", "writes", "time"],
        [row],
    )


def _measure(functions: Functions) -> list[object]:
    account = functions.account
    _fill(account.dynamodb, account.resources["TasksTable"])
    sweeper = functions.start("sweeper").sweeper
    functions.counted()
    read = 0

    def count(parsed: dict[str, Any], **_: Any) -> None:
        nonlocal read
        read += parsed.get("ScannedCount", 0)

    sweeper.store.client.meta.events.register("after-call.dynamodb.Query", count)
    started = time.perf_counter()
    sweeper.sweep(lambda: True)
    took = time.perf_counter() - started
    queries = len(account.calls.of("Query"))
    calls = functions.counted()
    return ["sweep", queries, read, calls.reads - queries, calls.writes, f"{took:.2f} s"]


def _fill(dynamodb: Any, table_name: str) -> None:
    now = SystemClock().now()
    for start in range(0, STORED, BATCH):
        items = [_item(now, n) for n in range(start, start + BATCH)]
        dynamodb.batch_write_item(
            RequestItems={table_name: [{"PutRequest": {"Item": item}} for item in items]}
        )


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
    ended = {"endedAs": task.status.value, "completedAt": now, "ttl": now // 1000 + 86_400}
    return to_attributes(task_items.to_item(task) | ({} if live else ended))
