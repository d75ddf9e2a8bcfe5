"""The contract of ``RateStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.dynamodb.rates import DynamoDBRates
from a2a_tasks.domain.access.rate import Rate, RateLimitKind
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import Bucket, RateStore, TakeResult
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.rates import MemoryRates

NOW = 1_750_000_000_000_000
SECOND = 1_000_000
RATE = Rate(3_600, 10)
BUCKET = Bucket("key", RateLimitKind.REQUESTS)


@pytest.fixture(params=["dynamodb", "memory"])
def rates(request: pytest.FixtureRequest) -> RateStore:
    if request.param == "memory":
        return MemoryRates()
    opened: DynamoDBRates = request.getfixturevalue("account").rates
    return opened


def test_a_new_bucket_is_whole(rates: RateStore) -> None:
    assert rates.take(BUCKET, RATE, 10, NOW) == TakeResult(True, NOW + 10 * SECOND)
    assert rates.take(BUCKET, RATE, 1, NOW) == TakeResult(False, NOW + 10 * SECOND)


def test_what_was_taken_comes_back_evenly(rates: RateStore) -> None:
    rates.take(BUCKET, RATE, 10, NOW)
    assert not rates.take(BUCKET, RATE, 1, NOW + SECOND - 1).is_granted
    assert rates.take(BUCKET, RATE, 1, NOW + SECOND) == TakeResult(True, NOW + 11 * SECOND)
    assert not rates.take(BUCKET, RATE, 3, NOW + 3 * SECOND).is_granted
    assert rates.take(BUCKET, RATE, 2, NOW + 3 * SECOND) == TakeResult(True, NOW + 13 * SECOND)


def test_a_bucket_is_never_more_than_whole(rates: RateStore) -> None:
    rates.take(BUCKET, RATE, 1, NOW)
    later = NOW + 9_999 * SECOND
    assert not rates.take(BUCKET, RATE, 11, later).is_granted
    assert rates.take(BUCKET, RATE, 10, later) == TakeResult(True, later + 10 * SECOND)


def test_a_refusal_takes_nothing(rates: RateStore) -> None:
    rates.take(BUCKET, RATE, 8, NOW)
    for _ in range(3):
        assert rates.take(BUCKET, RATE, 3, NOW) == TakeResult(False, NOW + 8 * SECOND)
    assert rates.take(BUCKET, RATE, 2, NOW).is_granted


@pytest.mark.parametrize(
    "other", [Bucket("other", RateLimitKind.REQUESTS), Bucket("key", RateLimitKind.CREATIONS)]
)
def test_each_bucket_is_for_itself(rates: RateStore, other: Bucket) -> None:
    rates.take(BUCKET, RATE, 10, NOW)
    assert rates.take(other, RATE, 10, NOW).is_granted


@pytest.mark.parametrize("seen", [0, NOW - SECOND, NOW + SECOND, NOW + 4 * SECOND])
def test_what_was_seen_changes_nothing(rates: RateStore, seen: int) -> None:
    rates.take(BUCKET, RATE, 4, NOW)
    assert rates.take(BUCKET, RATE, 2, NOW, seen) == TakeResult(True, NOW + 6 * SECOND)


def test_a_bucket_that_was_deleted_is_whole_whatever_was_seen(rates: RateStore) -> None:
    assert rates.take(BUCKET, RATE, 2, NOW, NOW + SECOND) == TakeResult(True, NOW + 2 * SECOND)


def test_of_many_at_once_only_the_burst_is_granted(rates: RateStore) -> None:
    with ThreadPoolExecutor(16) as callers:
        takings = list(callers.map(lambda _: rates.take(BUCKET, RATE, 1, NOW), range(32)))
    assert sum(taking.is_granted for taking in takings) == 10
    assert max(taking.tat for taking in takings) == NOW + 10 * SECOND


def test_at_different_moments_at_once_too(rates: RateStore) -> None:
    with ThreadPoolExecutor(16) as callers:
        moments = [NOW + n % 3 * SECOND for n in range(48)]
        takings = list(callers.map(lambda now: rates.take(BUCKET, RATE, 1, now), moments))
    assert 10 <= sum(taking.is_granted for taking in takings) <= 12


def test_one_write_is_the_rule(account: Account) -> None:
    seen = 0
    for n in range(12):
        seen = account.rates.take(BUCKET, RATE, 1, NOW + n * SECOND // 2, seen).tat
    assert len(account.calls.of("UpdateItem")) == len(account.calls.made) == 12


def test_a_bucket_that_was_seen_full_is_not_asked(account: Account) -> None:
    tat = account.rates.take(BUCKET, RATE, 10, NOW).tat
    account.calls.made.clear()
    assert account.rates.take(BUCKET, RATE, 1, NOW + SECOND - 1, tat) == TakeResult(False, tat)
    assert account.calls.made == []
    assert account.rates.take(BUCKET, RATE, 1, NOW + SECOND, tat).is_granted


def test_a_write_that_the_sdk_repeats_takes_twice_at_most(account: Account) -> None:
    for n, expected in enumerate((2, 4)):
        account.calls.fail("UpdateItem", Fault.SENT_TWICE)
        assert account.rates.take(BUCKET, RATE, 1, NOW, NOW + n) == TakeResult(True, NOW + expected * SECOND)


def test_an_answer_that_was_lost_is_told(account: Account) -> None:
    account.calls.fail("UpdateItem", Fault.ANSWER_LOST)
    with pytest.raises(StoreUnavailable):
        account.rates.take(BUCKET, RATE, 1, NOW)
    assert account.rates.take(BUCKET, RATE, 1, NOW) == TakeResult(True, NOW + 2 * SECOND)


def test_a_bucket_that_nobody_uses_is_deleted_some_day(account: Account) -> None:
    tat = account.rates.take(BUCKET, RATE, 10, NOW).tat
    account.rates.take(BUCKET, RATE, 1, NOW + SECOND, tat)
    key = {"pk": {"S": "RATE#key"}, "sk": {"S": "REQUESTS"}}
    item = account.dynamodb.get_item(TableName=account.resources["TasksTable"], Key=key)["Item"]
    whole_at = (NOW + 11 * SECOND) // SECOND
    assert whole_at + 3_600 <= int(item["ttl"]["N"]) <= whole_at + 2 * 24 * 3_600
