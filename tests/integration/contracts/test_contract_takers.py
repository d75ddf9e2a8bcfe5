"""The contract of ``Takers``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from a2a_tasks.adapters.dynamodb.takers import DynamoDBTakers
from a2a_tasks.domain.taker import Taker
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.workers.takers import Takers
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW
from tests.twins.stores.takers import MemoryTakers

TAKER = Taker("taker-1", tasks=30, room=70, until=NOW + 12_000)


@pytest.fixture(params=["memory", "dynamodb"])
def takers(request: pytest.FixtureRequest) -> Takers:
    if request.param == "memory":
        return MemoryTakers()
    account: Account = request.getfixturevalue("account")
    return DynamoDBTakers(account.dynamodb, account.resources["TasksTable"])


def test_who_is_put_is_listed_as_it_is_now(takers: Takers) -> None:
    takers.put(TAKER)
    now = replace(TAKER, tasks=31, room=69, until=NOW + 17_000)
    takers.put(now)
    assert takers.listed(10) == [now]


def test_who_has_left_is_not_listed(takers: Takers) -> None:
    takers.put(TAKER)
    takers.put(replace(TAKER, taker_id="taker-2"))
    for _ in range(2):
        takers.leave(TAKER.taker_id)
    assert [taker.taker_id for taker in takers.listed(10)] == ["taker-2"]


def test_of_many_the_same_few_are_listed(takers: Takers) -> None:
    for n in range(5):
        takers.put(replace(TAKER, taker_id=f"taker-{n}"))
    assert {taker.taker_id for taker in takers.listed(3)} == {"taker-0", "taker-1", "taker-2"}


def test_an_entry_whose_process_died_is_deleted_by_the_table_in_the_end(account: Account) -> None:
    DynamoDBTakers(account.dynamodb, account.resources["TasksTable"]).put(TAKER)
    item = account.dynamodb.get_item(
        TableName=account.resources["TasksTable"], Key={"pk": {"S": "TAKERS"}, "sk": {"S": TAKER.taker_id}}
    )["Item"]
    assert int(item["ttl"]["N"]) * 1000 > TAKER.until


@pytest.mark.parametrize("operation", ["PutItem", "DeleteItem", "Query"])
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.ANSWER_LOST])
def test_no_answer_is_store_unavailable(account: Account, operation: str, fault: Fault) -> None:
    takers = DynamoDBTakers(account.dynamodb, account.resources["TasksTable"])
    account.calls.fail(operation, fault)
    calls: dict[str, Callable[[], object]] = {
        "PutItem": lambda: takers.put(TAKER),
        "DeleteItem": lambda: takers.leave(TAKER.taker_id),
        "Query": lambda: takers.listed(1),
    }
    with pytest.raises(StoreUnavailable):
        calls[operation]()
