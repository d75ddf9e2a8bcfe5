"""What holds for the leases of shards, in memory and in DynamoDB."""

import pytest

from a2a_tasks.adapters.dynamodb.shard_leases import DynamoDBShardLeases
from a2a_tasks.ports.workers.leases import ShardLeases
from tests.integration.support.account import Account
from tests.twins.sweeps import MemoryShardLeases

NOW = 1_767_225_600_000


@pytest.fixture(params=["memory", "dynamodb"])
def leases(request: pytest.FixtureRequest) -> ShardLeases:
    if request.param == "memory":
        return MemoryShardLeases()
    account: Account = request.getfixturevalue("account")
    return DynamoDBShardLeases(account.dynamodb, account.resources["TasksTable"])


def test_one_at_a_time_has_a_shard(leases: ShardLeases) -> None:
    assert leases.take(3, "one", NOW, NOW + 1_000)
    assert not leases.take(3, "another", NOW + 999, NOW + 2_000)
    assert leases.take(4, "another", NOW, NOW + 1_000)


def test_who_has_it_may_have_it_for_longer(leases: ShardLeases) -> None:
    assert leases.take(3, "one", NOW, NOW + 1_000)
    assert leases.take(3, "one", NOW + 500, NOW + 1_500)
    assert not leases.take(3, "another", NOW + 1_499, NOW + 3_000)


def test_what_is_over_is_anybodys(leases: ShardLeases) -> None:
    assert leases.take(3, "one", NOW, NOW + 1_000)
    assert leases.take(3, "another", NOW + 1_000, NOW + 2_000)
    assert not leases.take(3, "one", NOW + 1_000, NOW + 2_000)


def test_what_was_given_back_is_anybodys(leases: ShardLeases) -> None:
    leases.give_back(3, "one")
    assert leases.take(3, "one", NOW, NOW + 1_000)
    leases.give_back(3, "one")
    leases.give_back(3, "one")
    assert leases.take(3, "another", NOW, NOW + 1_000)


def test_nobody_gives_back_what_another_has(leases: ShardLeases) -> None:
    assert leases.take(3, "one", NOW, NOW + 1_000)
    assert leases.take(3, "another", NOW + 1_000, NOW + 2_000)
    leases.give_back(3, "one")
    assert not leases.take(3, "one", NOW + 1_500, NOW + 3_000)
