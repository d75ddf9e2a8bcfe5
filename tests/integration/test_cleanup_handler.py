"""Cleanup: the real handler on tasks whose retention is over, and on payloads without a task."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from a2a_tasks.domain.ids import task_id
from a2a_tasks.domain.task import Status, Task
from tests.integration.account import Account
from tests.integration.aws_calls import Fault
from tests.integration.event_files import load_event
from tests.integration.lambda_context import LambdaContext
from tests.integration.stored_task import ANYTHING, created, numbers_of_shard, outcome

DAY_MS = 24 * 3_600_000
ORPHANED_AFTER_MS = (30 + 28 + 1) * DAY_MS
"""The retention, the longest life of a task, and a day."""


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


def ended(account: Account, moment: int, number: int = 0) -> Task:
    """A task that ended at a moment, retained for a second, with two payloads and two items of its own."""
    task = created(account.store, moment, number=number)
    account.store.finish(task.ref, outcome(Status.CANCELED, moment), ANYTHING)
    for name in ("input", "output-1"):
        account.payloads.put(f"tasks/{task.ref.task_id}/{name}.json", b"{}")
    for sk in ("TURN#1", "TURN#2"):
        key = {"pk": {"S": f"OWNED#{task.ref.task_id}"}, "sk": {"S": sk}}
        account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=key)
    return task


def items(account: Account) -> list[str]:
    answer = account.dynamodb.scan(TableName=account.resources["TasksTable"])
    return [item["sk"]["S"] for item in answer["Items"]]


def objects(account: Account) -> list[str]:
    answer = account.s3.list_objects_v2(Bucket=account.resources["PayloadBucket"])
    return [entry["Key"] for entry in answer.get("Contents", [])]


def test_a_task_past_its_retention_goes_with_everything_it_owns(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    ended(account, now - 2_000)

    report = clean(cleanup)

    assert report == {"tasks": 1, "payloads": 2, "orphans": 0, "errors": 0, "finished": True}
    assert (items(account), objects(account)) == ([], [])


def test_what_is_retained_or_alive_stays(cleanup: ModuleType, account: Account, now: int) -> None:
    ended(account, now + 60_000)
    created(account.store, now - 40 * DAY_MS, number=1)

    assert clean(cleanup)["tasks"] == 0
    assert len(items(account)) == 4
    assert len(objects(account)) == 2


def test_payloads_without_a_task_go_when_no_task_can_own_them(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    old, recent = (
        task_id(now - ORPHANED_AFTER_MS - 1_000, bytes(10)),
        task_id(now - ORPHANED_AFTER_MS + 60_000, bytes(10)),
    )
    for orphan in (old, recent):
        account.payloads.put(f"tasks/{orphan}/input.json", b"{}")

    assert clean(cleanup)["orphans"] == 1
    assert objects(account) == [f"tasks/{recent}/input.json"]


def test_the_record_stays_while_its_payloads_cannot_be_deleted(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    ended(account, now - 2_000)
    account.calls.fail("DeleteObjects", Fault.THROTTLED)

    first, second = clean(cleanup), clean(cleanup)

    assert (first["tasks"], first["errors"], first["finished"]) == (0, 1, False)
    assert (second["tasks"], second["payloads"], second["finished"]) == (1, 2, True)


def test_a_clean_up_that_broke_off_is_finished_by_the_next(
    cleanup: ModuleType, account: Account, now: int
) -> None:
    ended(account, now - 2_000)
    account.calls.fail("DeleteItem", Fault.NOT_SENT)

    clean(cleanup)
    report = clean(cleanup)

    assert (report["tasks"], report["payloads"]) == (1, 0)
    assert items(account) == []


def test_more_than_a_page_of_tasks_goes_in_one_pass(cleanup: ModuleType, account: Account, now: int) -> None:
    for number in numbers_of_shard(now - 2_000, 3, count=60):
        task = created(account.store, now - 2_000, number=number)
        account.store.finish(task.ref, outcome(Status.CANCELED, now - 2_000), ANYTHING)

    assert clean(cleanup)["tasks"] == 60


def test_without_time_nothing_is_begun(cleanup: ModuleType, account: Account, now: int) -> None:
    ended(account, now - 2_000)

    report = clean(cleanup, remaining_ms=10_000)

    assert (report["tasks"], report["finished"]) == (0, False)
    assert len(items(account)) == 3
