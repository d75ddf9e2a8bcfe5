"""The contract of ``DeliveryLog``: the same on DynamoDB and in memory."""

from dataclasses import replace

import pytest

from a2a_tasks.adapters.dynamodb.delivery_log import DynamoDBDeliveryLog
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.webhooks.delivery import DeliveryNote, DeliveryState
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.webhooks import DeliveryLog
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.delivery_log import MemoryDeliveryLog

NOW, TASK = 1_750_000_000_000, "01976d5e-8c00-7000-8000-000000000000"
LATE = NOW + 10**9
FAILED = DeliveryNote(
    "a#b",
    Status.COMPLETED,
    NOW,
    DeliveryState.RETRYING,
    1,
    NOW + 5,
    503,
    "the receiver answered 503",
    NOW + 9,
)
DELIVERED = DeliveryNote("a#b", Status.COMPLETED, NOW, DeliveryState.DELIVERED, 1, NOW + 10, 200)


@pytest.fixture(params=["dynamodb", "memory"])
def log(request: pytest.FixtureRequest) -> DeliveryLog:
    if request.param == "memory":
        return MemoryDeliveryLog()
    account: Account = request.getfixturevalue("account")
    return DynamoDBDeliveryLog(account.dynamodb, account.resources["TasksTable"])


def test_a_note_is_read_as_it_was_written(log: DeliveryLog) -> None:
    log.note(TASK, FAILED, LATE)
    assert log.notes(TASK, 10) == [FAILED]
    assert log.notes("another", 10) == []


def test_the_next_one_takes_its_place_and_tries_add_up(log: DeliveryLog) -> None:
    log.note(TASK, FAILED, LATE)
    log.note(TASK, FAILED, LATE)
    log.note(TASK, DELIVERED, LATE)
    assert log.notes(TASK, 10) == [replace(DELIVERED, tries=3)]


def test_what_is_delivered_stays_so(log: DeliveryLog) -> None:
    log.note(TASK, DELIVERED, LATE)
    log.note(TASK, FAILED, LATE)
    assert log.notes(TASK, 10) == [DELIVERED]


def test_the_newest_come_first(log: DeliveryLog) -> None:
    notes = [replace(DELIVERED, at=NOW + n) for n in range(3)]
    for note in notes:
        log.note(TASK, note, LATE)
    assert log.notes(TASK, 2) == [notes[2], notes[1]]


def test_each_receiver_and_status_has_its_own(log: DeliveryLog) -> None:
    log.note(TASK, DELIVERED, LATE)
    log.note(TASK, replace(DELIVERED, config_id="c"), LATE)
    log.note(TASK, replace(FAILED, status=Status.RUNNING), LATE)
    assert len(log.notes(TASK, 10)) == 3


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(account: Account, fault: Fault) -> None:
    log = DynamoDBDeliveryLog(account.dynamodb, account.resources["TasksTable"])
    for operation, call in (
        ("UpdateItem", lambda: log.note(TASK, FAILED, LATE)),
        ("Query", lambda: log.notes(TASK, 10)),
    ):
        account.calls.fail(operation, fault)
        with pytest.raises(StoreUnavailable):
            call()
