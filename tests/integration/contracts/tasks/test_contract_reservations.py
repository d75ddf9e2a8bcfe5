"""The contract of ``ReservationStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.dynamodb.tasks.reservations import DynamoDBReservations
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Reservation, ReservationStore
from tests.integration.support.account import AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.reservations import MemoryReservations

NOW = 1_790_000_000_000
FIRST, SECOND = Reservation("task-1", "digest-1", NOW + 1_000), Reservation("task-2", "digest-2", NOW + 2_000)


@pytest.fixture(params=["dynamodb", "memory"])
def reservations(request: pytest.FixtureRequest) -> ReservationStore:
    if request.param == "memory":
        return MemoryReservations()
    opened: DynamoDBReservations = request.getfixturevalue("account").reservations
    return opened


def test_the_first_holds(reservations: ReservationStore) -> None:
    assert reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW) == FIRST
    assert reservations.reserve(PROJECT, AGENT, "key", SECOND, NOW + 999) == FIRST


def test_after_its_time_another_may(reservations: ReservationStore) -> None:
    reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW)
    assert reservations.reserve(PROJECT, AGENT, "key", SECOND, NOW + 1_000) == SECOND
    assert reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW + 1_001) == SECOND


def test_a_key_stands_for_a_question_too(reservations: ReservationStore) -> None:
    answers = Reservation("task-1", "digest-1", NOW + 1_000, "call-1")
    assert reservations.reserve(PROJECT, AGENT, "key", answers, NOW) == answers
    assert reservations.reserve(PROJECT, AGENT, "key", SECOND, NOW) == answers


@pytest.mark.parametrize(
    ("project_id", "scope", "key"),
    [
        (OTHER_PROJECT, AGENT, "key"),
        (PROJECT, "other", "key"),
        (PROJECT, AGENT, "Key"),
        (PROJECT, AGENT, "键#/"),
    ],
)
def test_each_key_is_for_itself(
    reservations: ReservationStore, project_id: str, scope: str, key: str
) -> None:
    reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW)
    assert reservations.reserve(project_id, scope, key, SECOND, NOW) == SECOND


def test_of_many_at_once_one_holds(reservations: ReservationStore) -> None:
    wanted = [Reservation(f"task-{n}", "digest", NOW + 1_000) for n in range(16)]
    with ThreadPoolExecutor(8) as callers:
        held = set(callers.map(lambda own: reservations.reserve(PROJECT, AGENT, "key", own, NOW), wanted))
    assert len(held) == 1


def test_an_answer_that_was_lost_is_the_callers_own(account: Account) -> None:
    account.calls.fail("PutItem", Fault.ANSWER_LOST)
    with pytest.raises(StoreUnavailable):
        account.reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW)
    assert account.reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW) == FIRST


def test_a_repeated_call_of_the_sdk_meets_its_own_reservation(account: Account) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE)
    assert account.reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW) == FIRST


def test_one_that_is_named_is_replaced(reservations: ReservationStore) -> None:
    reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW)
    assert reservations.reserve(PROJECT, AGENT, "key", SECOND, NOW, "another") == FIRST
    assert reservations.reserve(PROJECT, AGENT, "key", SECOND, NOW, FIRST.task_id) == SECOND
    third = Reservation("task-3", "digest-3", NOW + 1_000)
    assert reservations.reserve(PROJECT, AGENT, "key", third, NOW, FIRST.task_id) == SECOND


def test_of_several_that_replace_one_the_first_holds(reservations: ReservationStore) -> None:
    reservations.reserve(PROJECT, AGENT, "key", FIRST, NOW)

    def replace_it(n: int) -> Reservation:
        wanted = Reservation(f"task-{n}", "digest", NOW + 1_000)
        return reservations.reserve(PROJECT, AGENT, "key", wanted, NOW, FIRST.task_id)

    with ThreadPoolExecutor(8) as callers:
        held = list(callers.map(replace_it, range(10, 18)))
    assert len({reservation.task_id for reservation in held}) == 1
