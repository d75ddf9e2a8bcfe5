"""The record of a task, which each of its changes writes, is billed as one unit whatever was said."""

from dataclasses import replace
from decimal import Decimal

import pytest

from a2a_tasks.adapters.dynamodb.tasks.task_items import list_partition
from a2a_tasks.domain.guards import guard_of_worker
from a2a_tasks.domain.ids import shard
from a2a_tasks.domain.task import Payload, Progress, Status, Task
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.tasks import Advance
from a2a_tasks.tasks import payload
from bench.support.dynamodb_units import WRITE_BYTES, item_bytes
from tests.integration.support.account import Account
from tests.integration.support.stored_task import ANYTHING, NOW, STATES, claimed, completed, new_task, outcome
from tests.integration.support.texts import incompressible

AGENT = "monthly-report-writer"
SPENT = (Spent(1, "claude-sonnet-5-5", Usage(12_000, 3_000, 8_000, 4_000, 1, Decimal("0.123456"))),)


def kept(account: Account, task: Task, name: str, text: str) -> Payload:
    return payload.save(account.payloads, task.ref.task_id, name, {"message": text})


def typical(account: Account, text: str) -> Task:
    task = new_task(
        agent_id=AGENT,
        project_id="acme-finance-prod",
        correlation_id="7c1f1c9e-2f0e-4c62-9a39-6f2d8a1b5e40",
        timeout_ms=300_000,
        context_id="2026-11-finance-report",
        spent=SPENT,
        key_id="abcdefghijklmnop",
    )
    task = replace(task, input=kept(account, task, "input", text))
    assert account.store.create(task)
    return task


def record_bytes(account: Account, task: Task) -> int:
    key = {"pk": {"S": f"TASK#{task.ref.task_id}"}, "sk": {"S": f"TASK#{task.ref.agent_id}"}}
    found = account.dynamodb.get_item(TableName=account.resources["TasksTable"], Key=key, ConsistentRead=True)
    return item_bytes(found["Item"])


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("length", [100, 4_000, 100_000])
def test_it_is_below_a_kilobyte_in_every_state(account: Account, status: Status, length: int) -> None:
    task = STATES[status](account.store, typical(account, incompressible(length)), NOW + 5)

    assert record_bytes(account, task) < WRITE_BYTES


def test_it_is_below_a_kilobyte_with_a_long_output(account: Account) -> None:
    task = typical(account, incompressible(4_000))
    output = kept(account, task, "output-1", incompressible(4_000))

    completed(account.store, task, NOW + 5, output, SPENT)

    assert record_bytes(account, task) < WRITE_BYTES


def test_it_is_below_a_kilobyte_while_the_agent_tells_how_far_it_is(account: Account) -> None:
    task = claimed(account.store, typical(account, incompressible(4_000)), NOW)

    advance = Advance(NOW, SPENT, turns=1, progress=Progress("Read", "Reading the figures of November", 40))
    account.store.advance(task.ref, 1, advance)

    assert record_bytes(account, task) < WRITE_BYTES
    done = outcome(Status.COMPLETED, output=Payload(inline='{"result":"42"}'), spent=SPENT)
    account.store.finish(task.ref, done, guard_of_worker(1))
    assert record_bytes(account, task) < WRITE_BYTES


def test_the_entry_of_an_ended_task_is_below_a_kilobyte(account: Account) -> None:
    """The end writes it, with a bill of all models that the task may have used."""
    task = new_task(
        agent_id="a" * 64,
        project_id="p" * 64,
        context_id="c" * 64,
        key_id=f"wecom:{'w' * 64}",
    )
    assert account.store.create(task)
    models = [f"eu.anthropic.claude-sonnet-5-5-2026{n:04}-v1:0" for n in range(4)]
    used = Usage(12_345_678, 3_456_789, 8_765_432, 4_567_891, 123, Decimal("123.456789"))
    done = outcome(Status.COMPLETED, spent=tuple(Spent(1, model, used) for model in models))
    account.store.finish(task.ref, done, ANYTHING)

    (entry,) = account.dynamodb.query(
        TableName=account.resources["TasksTable"],
        IndexName="list",
        KeyConditionExpression="listShard = :shard",
        ExpressionAttributeValues={":shard": {"S": list_partition("a" * 64, shard(task.ref.task_id) % 4)}},
    )["Items"]

    assert {"used", "keyId"} <= entry.keys()
    assert item_bytes(entry) < WRITE_BYTES
