"""The contract of ``FirstMessages``: the same on DynamoDB and in memory."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.tasks.reservations import DynamoDBReservations
from a2a_tasks.adapters.wecom.first_messages import DynamoDBFirstMessages
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.wecom.exchange import Exchange, ExchangeRef
from a2a_tasks.wecom.language import Language
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.exchanges import MemoryExchanges, MemoryFirstMessages
from tests.twins.stores.reservations import MemoryReservations

NOW = 1_790_000_000_000
TASK, OTHER = "0197a4e0-0000-7000-8000-000000000001", "0197a4e0-0000-7000-8000-000000000002"
WANTED = Reservation(TASK, "digest", NOW + 1_000)
ASKED = Exchange(ExchangeRef(TASK), AGENT, PROJECT, "helper", "LiLei", None, Language.ZH, NOW)


class Stores:
    """One of each, on DynamoDB or in memory."""

    def __init__(self, account: Account | None) -> None:
        self.exchanges: Any = MemoryExchanges()
        self.reservations: Any = MemoryReservations()
        self.first: Any = MemoryFirstMessages(self.reservations, self.exchanges)
        if account is not None:
            self.exchanges = account.exchanges
            table = account.resources["TasksTable"]
            self.reservations = DynamoDBReservations(account.dynamodb, table)
            self.first = DynamoDBFirstMessages(account.dynamodb, table)

    def begin(self, wanted: Reservation = WANTED, exchange: Exchange = ASKED, now: int = NOW) -> bool:
        done: bool = self.first.begin(PROJECT, AGENT, "key", wanted, exchange, now)
        return done


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request: pytest.FixtureRequest) -> Stores:
    return Stores(request.getfixturevalue("account") if request.param == "dynamodb" else None)


def test_both_are_there_and_the_key_is_reserved_as_by_anybody(stores: Stores) -> None:
    assert stores.begin()
    assert stores.exchanges.get(ASKED.ref) == ASKED
    other = Reservation(OTHER, "digest", NOW + 1_000)
    assert stores.reservations.reserve(PROJECT, AGENT, "key", other, NOW) == WANTED


def test_a_key_that_is_reserved_stores_nothing(stores: Stores) -> None:
    stores.reservations.reserve(PROJECT, AGENT, "key", WANTED, NOW)
    other = replace(ASKED, ref=ExchangeRef(OTHER))
    assert not stores.begin(Reservation(OTHER, "digest", NOW + 1_000), other)
    assert stores.exchanges.get(other.ref) is None


def test_a_reservation_that_is_over_is_replaced(stores: Stores) -> None:
    assert stores.begin()
    other = replace(ASKED, ref=ExchangeRef(OTHER))
    assert stores.begin(Reservation(OTHER, "digest", NOW + 9_000), other, NOW + 1_000)
    assert stores.exchanges.get(other.ref) == other


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(account: Account, fault: Fault) -> None:
    account.calls.fail("TransactWriteItems", fault)
    with pytest.raises(StoreUnavailable):
        Stores(account).begin()
