"""The contract of ``PaceStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from a2a_tasks.adapters.dynamodb.paces import DynamoDBPaces
from a2a_tasks.domain.overload.pace import FIRST_GAP_MS, Pace, PaceKey, after_success, after_throttling
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import PaceStore, PaceTurn
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.paces import MemoryPaces

NOW = 1_750_000_000_000
WAY, OTHER = PaceKey("claude-opus-5-5", "claude-api"), PaceKey("claude-haiku-5-5", "claude-api")
SLOW = after_throttling(None, NOW, None, is_overloaded=True)
LATER = NOW + FIRST_GAP_MS


@pytest.fixture(params=["dynamodb", "memory"])
def paces(request: pytest.FixtureRequest) -> PaceStore:
    if request.param == "memory":
        return MemoryPaces()
    return opened(request.getfixturevalue("account"))


def opened(account: Account) -> DynamoDBPaces:
    return DynamoDBPaces(account.dynamodb, account.resources["TasksTable"])


def test_at_first_there_is_none(paces: PaceStore) -> None:
    assert paces.pace(WAY) is None
    assert paces.take(WAY, SLOW, LATER, is_urgent=True) == PaceTurn(False, None)
    paces.note_urgent(WAY, NOW)
    assert paces.pace(WAY) is None


def test_each_way_has_its_own(paces: PaceStore) -> None:
    assert paces.put(WAY, None, SLOW) == SLOW
    assert (paces.pace(WAY), paces.pace(OTHER), paces.pace(replace(WAY, key="another"))) == (SLOW, None, None)


def test_of_many_that_set_it_at_once_one_does(paces: PaceStore) -> None:
    new = [replace(SLOW, gap_ms=FIRST_GAP_MS + n) for n in range(16)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda pace: paces.put(WAY, None, pace), new))
    assert len(set(found)) == 1
    assert found[0] == paces.pace(WAY)


def test_what_another_has_learned_since_stays(paces: PaceStore) -> None:
    paces.put(WAY, None, SLOW)
    grows = paces.put(WAY, SLOW, after_success(SLOW, NOW + 5))
    assert grows == replace(SLOW, taken_at=NOW + 5)
    slower = after_throttling(SLOW, NOW + 6, None, is_overloaded=True)
    assert paces.put(WAY, SLOW, slower) == grows
    assert paces.put(WAY, grows, slower) == slower == paces.pace(WAY)


def test_calls_start_one_after_the_other(paces: PaceStore) -> None:
    paces.put(WAY, None, SLOW)
    assert not paces.take(WAY, SLOW, LATER - 1, is_urgent=False).is_granted
    first = paces.take(WAY, SLOW, LATER, is_urgent=False)
    assert first == PaceTurn(True, replace(SLOW, next_at=LATER + FIRST_GAP_MS))
    assert paces.take(WAY, SLOW, LATER, is_urgent=False) == replace(first, is_granted=False)


def test_of_many_that_start_one_at_once_one_does(paces: PaceStore) -> None:
    paces.put(WAY, None, SLOW)
    with ThreadPoolExecutor(16) as pool:
        takings = list(pool.map(lambda _: paces.take(WAY, SLOW, LATER, is_urgent=False), range(16)))
    assert sum(taking.is_granted for taking in takings) == 1


def test_at_a_fast_pace_several_start_with_one_write(paces: PaceStore) -> None:
    fast = Pace(10, NOW, NOW, taken_at=NOW)
    paces.put(WAY, None, fast)
    taking = paces.take(WAY, fast, NOW, is_urgent=False)
    assert taking.pace is not None
    assert taking.pace.next_at == NOW + 10 * fast.count_at(NOW) == NOW + 250


def test_nobody_starts_calls_at_a_pace_that_is_not_any_more(paces: PaceStore) -> None:
    paces.put(WAY, None, SLOW)
    grows = paces.put(WAY, SLOW, after_success(SLOW, NOW + 5))
    assert paces.take(WAY, SLOW, LATER, is_urgent=True) == PaceTurn(False, grows)


def test_while_urgent_ones_wait_no_other_starts(paces: PaceStore) -> None:
    paces.put(WAY, None, SLOW)
    paces.note_urgent(WAY, LATER + 1)
    assert not paces.take(WAY, SLOW, LATER, is_urgent=False).is_granted
    assert paces.take(WAY, SLOW, LATER + 1, is_urgent=False).is_granted
    paces.note_urgent(WAY, LATER + 9_000)
    assert paces.take(WAY, SLOW, LATER + 5_000, is_urgent=True).is_granted
    current = paces.pace(WAY)
    slower = after_throttling(current, LATER + 6_000, None, is_overloaded=True)
    put = paces.put(WAY, current, slower)
    assert put is not None
    assert put.urgent_until == LATER + 9_000


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_a_table_that_does_not_answer_is_a_fault(account: Account, fault: Fault) -> None:
    paces = opened(account)
    account.calls.fail("UpdateItem", fault)
    with pytest.raises(StoreUnavailable):
        paces.put(WAY, None, SLOW)
    assert paces.pace(WAY) == (SLOW if fault is Fault.ANSWER_LOST else None)


def test_the_item_is_gone_a_day_after_its_last_use(account: Account) -> None:
    opened(account).put(WAY, None, SLOW)
    key = {"pk": {"S": "PACE#claude-opus-5-5#claude-api"}, "sk": {"S": "PACE"}}
    item = account.dynamodb.get_item(TableName=account.resources["TasksTable"], Key=key)["Item"]
    assert item["ttl"] == {"N": str(NOW // 1000 + 24 * 3_600)}
