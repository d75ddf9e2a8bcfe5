"""The contract of ``AccessTokenStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.wecom.access_tokens import DynamoDBAccessTokens
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.wecom.ports import AccessTokenStore, CachedToken
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.wecom import MemoryAccessTokens

NOW = 1_750_000_000_000
TOKEN, NEWER = CachedToken(b"sealed", NOW + 7_200_000), CachedToken(b"newer", NOW + 9_000_000)


@pytest.fixture(params=["dynamodb", "memory"])
def tokens(request: pytest.FixtureRequest) -> AccessTokenStore:
    if request.param == "memory":
        return MemoryAccessTokens()
    account: Account = request.getfixturevalue("account")
    return DynamoDBAccessTokens(account.dynamodb, account.resources["TasksTable"])


def keep(tokens: AccessTokenStore, token: CachedToken = TOKEN, connection_id: str = "app") -> None:
    assert tokens.lock(connection_id, "a", NOW, NOW + 20_000)
    assert tokens.put(connection_id, "a", token)


def test_a_token_is_there_for_everybody(tokens: AccessTokenStore) -> None:
    assert tokens.get("app") is None
    keep(tokens)
    assert tokens.get("app") == TOKEN
    assert tokens.get("other") is None


def test_only_one_has_the_lock(tokens: AccessTokenStore) -> None:
    assert tokens.lock("app", "a", NOW, NOW + 20_000)
    assert not tokens.lock("app", "b", NOW, NOW + 20_000)
    assert tokens.lock("other", "b", NOW, NOW + 20_000)


def test_the_same_holder_may_ask_again(tokens: AccessTokenStore) -> None:
    assert tokens.lock("app", "a", NOW, NOW + 20_000)
    assert tokens.lock("app", "a", NOW, NOW + 20_000)


def test_a_token_frees_the_lock(tokens: AccessTokenStore) -> None:
    keep(tokens)
    assert tokens.lock("app", "b", NOW, NOW + 20_000)
    assert tokens.get("app") == TOKEN, "it is good while a new one is asked for"


def test_a_lock_that_nobody_frees_ends(tokens: AccessTokenStore) -> None:
    tokens.lock("app", "a", NOW, NOW + 20_000)
    assert not tokens.lock("app", "b", NOW + 19_999, NOW + 60_000)
    assert tokens.lock("app", "b", NOW + 20_000, NOW + 60_000)
    assert not tokens.put("app", "a", TOKEN), "who lost the lock must not replace what comes"
    assert tokens.get("app") is None


def test_a_freed_lock_is_free_but_only_its_holder_frees_it(tokens: AccessTokenStore) -> None:
    tokens.lock("app", "a", NOW, NOW + 20_000)
    tokens.unlock("app", "b")
    assert not tokens.lock("app", "b", NOW, NOW + 20_000)
    tokens.unlock("app", "a")
    assert tokens.lock("app", "b", NOW, NOW + 20_000)


def test_what_wecom_takes_no_more_is_forgotten_and_what_replaced_it_is_not(tokens: AccessTokenStore) -> None:
    keep(tokens)
    tokens.drop("app", TOKEN.sealed)
    tokens.drop("app", TOKEN.sealed)
    assert tokens.get("app") is None
    keep(tokens, NEWER)
    tokens.drop("app", TOKEN.sealed)
    assert tokens.get("app") == NEWER


def test_putting_again_what_is_there_is_harmless(tokens: AccessTokenStore) -> None:
    keep(tokens)
    assert tokens.put("app", "a", TOKEN)


def test_of_many_at_a_time_one_has_the_lock(tokens: AccessTokenStore) -> None:
    with ThreadPoolExecutor(10) as threads:
        won = list(threads.map(lambda n: tokens.lock("app", f"{n}", NOW, NOW + 20_000), range(20)))
    assert sum(won) == 1


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_an_outage_is_told_as_one(account: Account, fault: Fault) -> None:
    tokens = DynamoDBAccessTokens(account.dynamodb, account.resources["TasksTable"])
    account.calls.fail("UpdateItem", fault, times=4)
    account.calls.fail("GetItem", fault)
    for ask in (
        lambda: tokens.lock("app", "a", NOW, NOW),
        lambda: tokens.put("app", "a", TOKEN),
        lambda: tokens.unlock("app", "a"),
        lambda: tokens.drop("app", b"x"),
        lambda: tokens.get("app"),
    ):
        with pytest.raises(StoreUnavailable):
            ask()
