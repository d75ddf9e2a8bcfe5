"""Cleanup: the real handler on deleted tasks, and on what tasks past their retention have in the bucket."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.ids import task_id
from a2a_tasks.domain.task import Status, Task
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.event_files import load_event
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.stored_task import ANYTHING, created, outcome

DAY_MS = 24 * 3_600_000
RETENTION_MS = 30 * DAY_MS
"""The template's."""


@pytest.fixture
def cleanup(start: Callable[..., ModuleType]) -> ModuleType:
    return start("cleanup")


@pytest.fixture
def now(cleanup: ModuleType) -> int:
    moment: int = cleanup.cleaner.clock.now()
    return moment


def clean(cleanup: ModuleType, remaining_ms: int = 300_000) -> dict[str, Any]:
    report: dict[str, Any] = cleanup.handler(load_event("cleanup_schedule"), LambdaContext(remaining_ms))
    return report


def ended(account: Account, moment: int, number: int = 0, retained_ms: int = RETENTION_MS) -> Task:
    """A task that ended at the moment of its creation, with two payloads and two items of its own."""
    task = created(account.store, moment, number=number)
    end = replace(outcome(Status.CANCELED, moment), retain_until=moment + retained_ms)
    account.store.finish(task.ref, end, ANYTHING)
    for name in ("input", "output-1"):
        account.payloads.put(f"tasks/{task.ref.task_id}/{name}.json", b"{}")
    for sk in ("TURN#1", "TURN#2"):
        key = {"pk": {"S": f"OWNED#{task.ref.task_id}"}, "sk": {"S": sk}}
        account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=key)
    return task


def deleted(account: Account, moment: int, number: int = 0) -> Task:
    """Such a task that its caller deleted then."""
    task = ended(account, moment, number)
    account.store.expire(task.ref, moment)
    return task


def items(account: Account) -> list[str]:
    answer = account.dynamodb.scan(TableName=account.resources["TasksTable"])
    return [item["sk"]["S"] for item in answer["Items"]]


def objects(account: Account) -> list[str]:
    answer = account.s3.list_objects_v2(Bucket=account.resources["PayloadBucket"])
    return [entry["Key"] for entry in answer.get("Contents", [])]


def test_a_deleted_task_goes_with_everything_it_owns(cleanup: ModuleType, account: Account, now: int) -> None:
    deleted(account, now - 2_000)

    report = clean(cleanup)

    assert report == {"tasks": 1, "leftovers": 0, "payloads": 2, "errors": 0, "finished": True}
    assert (items(account), objects(account)) == ([], [])


def test_of_a_task_past_its_retention_only_the_record_is_left_to_the_tables_ttl(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    task = ended(account, now - RETENTION_MS - 1_000)

    report = clean(cleanup)

    assert (report["leftovers"], report["payloads"], report["errors"]) == (1, 2, 0)
    assert items(account) == [f"TASK#{task.ref.agent_id}"]
    assert objects(account) == []
    assert account.store.get(task.ref) is None


def test_what_is_retained_or_alive_stays(cleanup: ModuleType, account: Account, now: int) -> None:
    ended(account, now - 40 * DAY_MS, retained_ms=41 * DAY_MS)
    account.store.expire(ended(account, now - DAY_MS, number=2).ref, now + 60_000)
    alive = created(account.store, now - 40 * DAY_MS, number=1)
    account.payloads.put(f"tasks/{alive.ref.task_id}/input.json", b"{}")

    report = clean(cleanup)

    assert (report["tasks"], report["leftovers"], report["finished"]) == (0, 0, True)
    assert len(items(account)) == 7
    assert len(objects(account)) == 5


def test_payloads_of_a_task_that_was_never_created_go(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    old, recent = (
        task_id(now - RETENTION_MS - 1_000, bytes(10)),
        task_id(now - RETENTION_MS + 60_000, bytes(10)),
    )
    for orphan in (old, recent):
        account.payloads.put(f"tasks/{orphan}/input.json", b"{}")

    assert clean(cleanup)["leftovers"] == 1
    assert objects(account) == [f"tasks/{recent}/input.json"]


def test_the_record_stays_while_its_payloads_cannot_be_deleted(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    deleted(account, now - 2_000)
    account.calls.fail("DeleteObjects", Fault.THROTTLED)

    first, second = clean(cleanup), clean(cleanup)

    assert (first["tasks"], first["errors"], first["finished"]) == (0, 1, False)
    assert (second["tasks"], second["payloads"], second["finished"]) == (1, 2, True)


def test_a_clean_up_that_broke_off_is_finished_by_the_next(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    deleted(account, now - 2_000)
    account.calls.fail("DeleteItem", Fault.NOT_SENT)

    clean(cleanup)
    report = clean(cleanup)

    assert (report["tasks"], report["payloads"]) == (1, 0)
    assert items(account) == []


def test_without_time_nothing_is_begun(cleanup: ModuleType, account: Account, now: int) -> None:
    deleted(account, now - 2_000)

    report = clean(cleanup, remaining_ms=10_000)

    assert (report["tasks"], report["finished"]) == (0, False)
    assert len(items(account)) == 3
