"""Tasks as items: every part comes back, and nothing that is not there is written."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.tasks import task_items, task_values
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.history.event import Event, EventType
from a2a_tasks.domain.task import (
    Artifact,
    Budget,
    Lane,
    Parent,
    Payload,
    Priority,
    Progress,
    Question,
    Slot,
    Status,
    Task,
    TaskRef,
)
from a2a_tasks.domain.tracing.task_trace import TaskTrace
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import TaskStore
from tests.integration.support.stored_task import NOW, WORKER, created, new_task

PARENT = Parent(TaskRef("coordinator", new_task(number=7).ref.task_id), "toolu_01")
AT_CREATION: dict[str, Any] = {
    "key_id": "abcdefghijklmnop",
    "retry_of": "01976d5e-8c00-7000-8000-000000000000",
    "trace": TaskTrace("a" * 32, "b" * 16, is_recorded=True, is_sampled=True, state="vendor=1"),
    "input": Payload(key="tasks/x/input.json", sha256="ab" * 32),
    "timeout_ms": 1_234,
    "queue_timeout_ms": 5_678,
    "bounds_tries": True,
    "ends_by": NOW + 9_000,
    "priority": Priority.HIGH,
    "lane": Lane.BATCH,
    "context_id": "conversation#1",
    "budget": Budget(Decimal("0.25"), 100_000),
    "parent": PARENT,
    "depth": 2,
    "counts_as_pending": True,
    "live": True,
    "notifies": True,
    "groups": ("group",),
    "not_before": NOW + 60_000,
    "turns": 3,
    "events": (
        Event(NOW, EventType.STATUS, {"status": "failed", "code": "TIMEOUT"}),
        Event(NOW + 1, EventType.TURN, {"turn": 3, "tools": ["Read", "查找"]}),
        Event(NOW + 2, EventType.PROGRESS, {"step": "Reading 报告", "percent": 40}, skipped=17),
    ),
    "spent": (
        Spent(1, "claude-sonnet-5-5", Usage(10, 20, 3, 4, 2, Decimal("0.012345"))),
        Spent(1, "claude-haiku-5-5", Usage(1, 2, turns=1), task_id=new_task(number=8).ref.task_id),
        Spent(2, "claude-sonnet-5-5", Usage(9, 90, cost_usd=Decimal("0.5")), reserved=True),
    ),
    "counted": Usage(37, cost_usd=Decimal("0.012345")),
    "spender": "helper#LiLei",
}
LATER: dict[str, Any] = {
    "status": Status.FAILED,
    "updated_at": NOW + 5,
    "attempt": 2,
    "fence": 4,
    "claim_id": "claim",
    "held_by": WORKER,
    "message_id": "message-1",
    "started_at": NOW + 1,
    "completed_at": NOW + 5,
    "output": Payload(inline='{"result":"so far","partial":true}'),
    "failure": Failure(FailureCode.BUDGET_EXCEEDED, "Used up."),
    "finish_id": "finish",
    "progress": Progress("WebSearch", "Reading 报告", 40),
    "question": Question("toolu_02", "Which city?", ("Beijing", "Shanghai")),
    "paused_ms": 99_000,
    "queue_left_ms": 4_000,
    "awaits": (TaskRef("helper", new_task(number=9).ref.task_id),),
    "artifacts": (
        Artifact("toolu_03", "报告.md", "text/markdown", size_bytes=12, key="tasks/x/artifact-1-toolu_03"),
        Artifact("toolu_04", "page", "text/html", url="https://example.com/"),
    ),
    "slot": Slot(4_999, 3, NOW),
    "overloads": 1,
    "throttled_calls": 7,
    "undelivered": Undelivered(2, NOW + 120_000),
    "cut_off": True,
    "answered": ("TURN#0001#TOOL#toolu_05",),
}


def with_later_parts(item: dict[str, Any], task: Task) -> dict[str, Any]:
    """The item as the store's updates would have changed it."""
    assert task.output is not None
    assert task.failure is not None
    assert task.question is not None
    return item | {
        "status": task.status.value,
        "updatedAt": task.updated_at,
        "attempt": task.attempt,
        "fence": task.fence,
        "claimId": task.claim_id,
        "heldBy": task.held_by,
        "messageId": task.message_id,
        "startedAt": task.started_at,
        "completedAt": task.completed_at,
        "output": task_values.payload_value(task.output),
        "failure": task_values.failure_value(task.failure),
        "finishId": task.finish_id,
        "progress": task_values.progress_value(task.progress),
        "question": task_values.question_value(task.question),
        "pausedMs": task.paused_ms,
        "queueLeftMs": task.queue_left_ms,
        "awaits": task_values.refs_value(task.awaits),
        "artifacts": task_values.artifacts_value(task.artifacts),
        "answered": list(task.answered),
        "slot": task_values.slot_value(task.slot) if task.slot else None,
        "overloads": task.overloads,
        "turnedAway": task.throttled_calls,
        "cutOff": task.cut_off,
        "undelivered": task_values.undelivered_value(task.undelivered) if task.undelivered else None,
    }


@pytest.mark.parametrize("name", AT_CREATION)
def test_each_part_of_a_new_task_comes_back_alone(store: TaskStore, name: str) -> None:
    # an agent is only as deep as it is because another one started it
    part = {name: AT_CREATION[name]} | ({"parent": PARENT} if name == "depth" else {})

    task = created(store, **part)

    assert store.get(task.ref) == task


def test_all_parts_of_a_new_task_come_back_together(store: TaskStore) -> None:
    task = created(store, **AT_CREATION)

    assert store.get(task.ref) == task


@pytest.mark.parametrize(
    "budget",
    [Budget(Decimal("0.000001")), Budget(Decimal("1000000")), Budget(tokens=1), Budget(tokens=10**12)],
    ids=str,
)
def test_a_budget_is_kept_exactly(store: TaskStore, budget: Budget) -> None:
    task = created(store, budget=budget)

    assert store.get(task.ref) == task


def test_no_part_of_a_task_is_forgotten() -> None:
    full = replace(new_task(**AT_CREATION), **LATER)
    bare = new_task()

    same = {field.name for field in fields(Task) if getattr(full, field.name) == getattr(bare, field.name)}

    # what every task has, so that reading it back says something already
    assert same <= {
        "ref", "project_id", "created_at", "deadline", "agent_revision", "model", "max_attempts",
        "correlation_id", "due_at",
    }  # fmt: skip
    item = to_attributes(with_later_parts(task_items.to_item(full), full))
    assert task_items.from_item(from_attributes(item)) == full


def test_a_plain_task_has_no_attribute_that_it_does_not_need() -> None:
    item = to_attributes(task_items.to_item(new_task()))

    optional = {"priority", "lane", "contextId", "budget", "parent", "depth", "awaits", "live", "notify"}
    assert not (optional | {"pendingAgent"}) & item.keys()
