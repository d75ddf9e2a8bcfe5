"""The contract of ``DeliveryProgressStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.wecom.delivery_progress import DynamoDBDeliveryProgress
from a2a_tasks.domain.task import Payload
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.wecom.ports import DeliveryProgress, DeliveryProgressRef, DeliveryProgressStore
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import completed, created
from tests.twins.wecom import MemoryDeliveryProgress

NOW = 1_750_000_000_000
REF = DeliveryProgressRef("0197d2f0-0000-7000-8000-000000000000", "1")
UNTIL = NOW + 120_000


@pytest.fixture(params=["dynamodb", "memory"])
def parts(request: pytest.FixtureRequest) -> DeliveryProgressStore:
    if request.param == "memory":
        return MemoryDeliveryProgress()
    account: Account = request.getfixturevalue("account")
    return DynamoDBDeliveryProgress(account.dynamodb, account.resources["TasksTable"])


def test_it_begins_with_nothing_sent(parts: DeliveryProgressStore) -> None:
    assert parts.hold(REF, "a", NOW, UNTIL) == DeliveryProgress(0)


def test_the_next_goes_on_where_one_stopped(parts: DeliveryProgressStore) -> None:
    parts.hold(REF, "a", NOW, UNTIL)
    assert parts.note(REF, "a", DeliveryProgress(2, "media"))
    parts.release(REF, "a")
    assert parts.hold(REF, "b", NOW, UNTIL) == DeliveryProgress(2, "media")


def test_a_part_that_is_sent_leaves_no_file_to_the_next(parts: DeliveryProgressStore) -> None:
    parts.hold(REF, "a", NOW, UNTIL)
    parts.note(REF, "a", DeliveryProgress(2, "media"))
    assert parts.note(REF, "a", DeliveryProgress(3))
    parts.release(REF, "a")
    assert parts.hold(REF, "b", NOW, UNTIL) == DeliveryProgress(3)


def test_one_at_a_time(parts: DeliveryProgressStore) -> None:
    parts.hold(REF, "a", NOW, UNTIL)
    assert parts.hold(REF, "b", UNTIL - 1, UNTIL + 1) is None
    assert parts.hold(DeliveryProgressRef(REF.task_id, "2"), "b", NOW, UNTIL) == DeliveryProgress(0)


def test_the_same_may_ask_again(parts: DeliveryProgressStore) -> None:
    parts.hold(REF, "a", NOW, UNTIL)
    assert parts.hold(REF, "a", NOW, UNTIL) == DeliveryProgress(0)


def test_after_its_time_another_goes_on_and_the_first_counts_no_more(parts: DeliveryProgressStore) -> None:
    parts.hold(REF, "a", NOW, UNTIL)
    parts.note(REF, "a", DeliveryProgress(1))
    assert parts.hold(REF, "b", UNTIL, UNTIL + 1) == DeliveryProgress(1)
    assert not parts.note(REF, "a", DeliveryProgress(2))
    parts.release(REF, "a")
    assert parts.hold(REF, "c", UNTIL, UNTIL + 1) is None


def test_of_many_at_a_time_one_is_at_it(parts: DeliveryProgressStore) -> None:
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda n: parts.hold(REF, f"{n}", NOW, UNTIL), range(20)))
    assert [one for one in found if one is not None] == [DeliveryProgress(0)]


def test_it_is_deleted_with_its_task_and_is_none_of_its_records(account: Account) -> None:
    task = created(account.store)
    parts = DynamoDBDeliveryProgress(account.dynamodb, account.resources["TasksTable"])
    parts.hold(DeliveryProgressRef(task.ref.task_id, "1"), "a", NOW, UNTIL)
    assert account.records.records(task.ref.task_id) == []
    completed(account.store, task, NOW, Payload(inline="{}"))
    account.store.delete(task.ref)
    items = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]
    assert items == []


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_an_outage_is_told_as_one(account: Account, fault: Fault) -> None:
    parts = DynamoDBDeliveryProgress(account.dynamodb, account.resources["TasksTable"])
    account.calls.fail("UpdateItem", fault, times=3)
    for ask in (
        lambda: parts.hold(REF, "a", NOW, UNTIL),
        lambda: parts.note(REF, "a", DeliveryProgress(1)),
        lambda: parts.release(REF, "a"),
    ):
        with pytest.raises(StoreUnavailable):
            ask()
