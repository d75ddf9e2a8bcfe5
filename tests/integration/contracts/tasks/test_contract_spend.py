"""The contract of ``SpendStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from a2a_tasks.adapters.dynamodb.attributes import to_attributes
from a2a_tasks.adapters.dynamodb.tasks.records import SPEND_SHARDS, DynamoDBSpend
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import SpendStore
from tests.integration.support.account import OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.records import MemorySpend

DAY = "2026-11-24"
NOTHING = Usage(cost_usd=Decimal(0))


@pytest.fixture(params=["dynamodb", "memory"])
def spend(request: pytest.FixtureRequest) -> SpendStore:
    if request.param == "memory":
        return MemorySpend()
    opened: DynamoDBSpend = request.getfixturevalue("account").spend
    return opened


def test_at_first_nothing_is_spent(spend: SpendStore) -> None:
    assert spend.spend(PROJECT, DAY) == NOTHING


def test_what_is_spent_adds_up_exactly(spend: SpendStore) -> None:
    for _ in range(10):
        spend.add_spend(PROJECT, DAY, Usage(1, 2, 30, 400, 1, Decimal("0.1")))

    assert spend.spend(PROJECT, DAY) == Usage(input_tokens=4_330, cost_usd=Decimal("1.0"))


def test_tokens_of_a_model_without_a_price_count_as_tokens(spend: SpendStore) -> None:
    spend.add_spend(PROJECT, DAY, Usage(5, 5, turns=1, cost_usd=Decimal("0.000001")))
    spend.add_spend(PROJECT, DAY, Usage(100, turns=1))

    assert spend.spend(PROJECT, DAY) == Usage(input_tokens=110, cost_usd=Decimal("0.000001"))


def test_each_project_and_each_day_has_its_own_sum(spend: SpendStore) -> None:
    spend.add_spend(PROJECT, DAY, Usage(1))
    spend.add_spend(PROJECT, "2026-11-25", Usage(20))
    spend.add_spend(OTHER_PROJECT, DAY, Usage(300))

    sums = [spend.spend(project, day).tokens for project, day in [(PROJECT, DAY), (PROJECT, "2026-11-25")]]
    assert sums == [1, 20]
    assert spend.spend(OTHER_PROJECT, DAY).tokens == 300
    assert spend.spend(OTHER_PROJECT, "2026-11-25") == NOTHING


def test_what_many_workers_count_at_once_is_all_counted(account: Account) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: account.spend.add_spend(PROJECT, DAY, Usage(n)), range(1, 33)))

    assert account.spend.spend(PROJECT, DAY).tokens == sum(range(1, 33))


def test_a_busy_day_is_several_items_that_are_forgotten_after_400_days(account: Account) -> None:
    for number in range(100):
        account.spend.add_spend(PROJECT, DAY, Usage(1), f"task-{number}")

    items = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]
    assert len(items) == len({item["pk"]["S"] for item in items}) == SPEND_SHARDS
    assert all(10 <= int(item["tokens"]["N"]) <= 40 for item in items), "none of them has it all"
    begins = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    assert {int(item["ttl"]["N"]) for item in items} == {begins + 400 * 24 * 3600}
    assert account.spend.spend(PROJECT, DAY).tokens == 100


def test_what_an_earlier_release_has_counted_still_counts(account: Account) -> None:
    item = {"pk": f"SPEND#{PROJECT}", "sk": DAY, "costUsd": Decimal(2), "tokens": 7}
    account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=to_attributes(item))
    account.spend.add_spend(PROJECT, DAY, Usage(1, cost_usd=Decimal(1)), "task-1")

    assert account.spend.spend(PROJECT, DAY) == Usage(8, cost_usd=Decimal(3))


def test_what_was_counted_too_much_is_taken_back(spend: SpendStore) -> None:
    spend.add_spend(PROJECT, DAY, Usage(10, cost_usd=Decimal("0.5")))
    spend.add_spend(PROJECT, DAY, Usage(-3, cost_usd=Decimal("-0.2")))

    assert spend.spend(PROJECT, DAY) == Usage(7, cost_usd=Decimal("0.3"))


def test_a_lost_answer_may_count_twice_but_never_not_at_all(account: Account) -> None:
    account.calls.fail("UpdateItem", Fault.ANSWER_LOST)
    with pytest.raises(StoreUnavailable):
        account.spend.add_spend(PROJECT, DAY, Usage(1))

    account.spend.add_spend(PROJECT, DAY, Usage(1))

    assert account.spend.spend(PROJECT, DAY).tokens == 2


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("UpdateItem", lambda spend: spend.add_spend(PROJECT, DAY, Usage(1))),
        ("BatchGetItem", lambda spend: spend.spend(PROJECT, DAY)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBSpend], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(account.spend)
