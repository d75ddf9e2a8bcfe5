"""The contract of ``Workers``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from a2a_tasks.adapters.dynamodb.workers import MOST_NOTES, DynamoDBWorkers
from a2a_tasks.domain.lease import Lease, LeaseNotes
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.workers.leases import Workers
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, new_task
from tests.twins.stores import workers as twin
from tests.twins.stores.workers import MemoryWorkers

LEASE = Lease("w1", NOW + 8_000)
BUSY = Lease(
    "w1",
    NOW + 12_000,
    tasks=frozenset({new_task(number=n).ref for n in range(3)} | {TaskRef("other-agent", "t")}),
    disowned=frozenset({"claim-1", "claim-2"}),
    due_at=NOW + 90_000,
)


@pytest.fixture(params=["memory", "dynamodb"])
def workers(request: pytest.FixtureRequest) -> Workers:
    if request.param == "memory":
        return MemoryWorkers()
    account: Account = request.getfixturevalue("account")
    return DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])


@pytest.fixture
def stored(account: Account) -> DynamoDBWorkers:
    return DynamoDBWorkers(account.dynamodb, account.resources["TasksTable"])


def test_the_twin_keeps_as_many_notes() -> None:
    assert twin.MOST_NOTES == MOST_NOTES


def test_a_lease_is_there_from_its_beginning(workers: Workers) -> None:
    assert workers.lease("w1") is None
    workers.open(LEASE)
    assert workers.lease("w1") == LEASE


def test_beginning_again_changes_nothing(workers: Workers) -> None:
    workers.open(LEASE)
    workers.renew(BUSY)
    workers.open(LEASE)
    assert workers.lease("w1") == BUSY
    workers.break_lease(BUSY)
    workers.open(LEASE)
    current = workers.lease("w1")
    assert current is not None
    assert current.is_broken


def test_a_renewal_says_what_its_worker_has_now(workers: Workers) -> None:
    workers.open(LEASE)
    assert workers.renew(BUSY) == LeaseNotes()
    assert workers.lease("w1") == BUSY
    idle = Lease("w1", NOW + 16_000, due_at=NOW + 90_000)
    assert workers.renew(idle) == LeaseNotes()
    assert workers.lease("w1") == idle


def test_a_lease_that_nobody_began_is_not_renewed(workers: Workers) -> None:
    assert workers.renew(BUSY) is None
    assert workers.lease("w1") is None
    assert workers.note("w1", "t") is None
    assert workers.lease("w1") is None


def test_a_renewal_that_comes_late_takes_nothing_back(workers: Workers) -> None:
    """It was under way for long; a later one has taken effect since."""
    workers.open(LEASE)
    workers.renew(BUSY)
    workers.note("w1", "t")
    assert workers.renew(replace(BUSY, until=BUSY.until - 1, tasks=frozenset())) == LeaseNotes()
    assert workers.lease("w1") == BUSY
    assert workers.renew(replace(BUSY, until=BUSY.until + 1)) == LeaseNotes(frozenset({"t"})), (
        "the note is there"
    )


def test_a_renewal_that_is_made_twice_is_one_whose_notes_nobody_knows(workers: Workers) -> None:
    """The first may have taken them, and its answer was lost."""
    workers.open(LEASE)
    workers.note("w1", "t")
    workers.renew(BUSY)
    assert workers.renew(BUSY) == LeaseNotes(everything=True)
    assert workers.lease("w1") == BUSY
    assert workers.renew(replace(BUSY, until=BUSY.until + 1)) == LeaseNotes()


def test_notes_are_not_lost_when_the_sdk_repeats_a_renewal(account: Account, stored: DynamoDBWorkers) -> None:
    stored.open(LEASE)
    stored.note("w1", "t")
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)
    notes = stored.renew(BUSY)
    assert notes is not None
    assert notes.concern("t")


def test_a_broken_lease_is_never_renewed(workers: Workers) -> None:
    workers.open(LEASE)
    assert workers.break_lease(LEASE)
    assert workers.renew(BUSY) is None
    assert workers.note("w1", "t") is None
    assert workers.lease("w1") == replace(LEASE, is_broken=True)
    assert workers.break_lease(LEASE), "whose answer was lost, or by another"


def test_a_lease_that_was_renewed_is_not_broken(workers: Workers) -> None:
    workers.open(LEASE)
    workers.renew(BUSY)
    assert not workers.break_lease(LEASE)
    assert workers.renew(replace(BUSY, until=BUSY.until + 1)) == LeaseNotes()


def test_a_lease_that_is_gone_is_as_good_as_broken(workers: Workers) -> None:
    assert workers.break_lease(LEASE)
    assert workers.lease("w1") is None


def test_of_a_break_and_a_renewal_at_one_moment_one_wins(workers: Workers) -> None:
    for n in range(8):
        lease = replace(LEASE, worker_id=f"w{n}")
        workers.open(lease)
        later = replace(lease, until=lease.until + 4_000)
        with ThreadPoolExecutor(2) as pool:
            renewed, broken = pool.submit(workers.renew, later), pool.submit(workers.break_lease, lease)
        assert (renewed.result() is None) == broken.result()


def test_a_renewal_takes_what_others_want_looked_at(workers: Workers) -> None:
    workers.open(LEASE)
    assert workers.note("w1", "t1") == LEASE
    workers.note("w1", "t2")
    workers.note("w1", "t1")
    assert workers.renew(BUSY) == LeaseNotes(frozenset({"t1", "t2"}))
    assert workers.renew(replace(BUSY, until=BUSY.until + 1)) == LeaseNotes()


def test_more_notes_than_fit_are_all_tasks(workers: Workers) -> None:
    workers.open(LEASE)
    for n in range(MOST_NOTES + 20):
        assert workers.note("w1", f"t{n:02d}") == LEASE
    notes = workers.renew(BUSY)
    assert notes is not None
    assert (len(notes.task_ids), notes.everything) == (MOST_NOTES, True)
    assert notes.concern("any")
    assert workers.renew(replace(BUSY, until=BUSY.until + 1)) == LeaseNotes()


def test_workers_are_looked_for_when_they_are_due(workers: Workers) -> None:
    for n in range(5):
        workers.open(replace(LEASE, worker_id=f"w{n}", due_at=NOW + 10 - n))
    workers.open(replace(LEASE, worker_id="idle"))
    assert workers.due(NOW + 5, 10) == []
    assert workers.due(NOW + 8, 10) == ["w4", "w3", "w2"]
    assert workers.due(NOW + 8, 2) == ["w4", "w3"]


def test_only_a_broken_lease_is_forgotten(workers: Workers) -> None:
    workers.open(replace(LEASE, due_at=NOW))
    workers.forget("w1")
    assert workers.lease("w1") is not None
    workers.break_lease(LEASE)
    workers.forget("w1")
    workers.forget("w1")
    assert workers.lease("w1") is None
    assert workers.due(NOW, 10) == []


def test_each_beat_is_one_write_of_one_unit(account: Account, stored: DynamoDBWorkers) -> None:
    """Also with ten tasks in hand: an item of less than 1 KB."""
    tasks = frozenset(TaskRef("customer-support", new_task(number=n).ref.task_id) for n in range(10))
    stored.open(LEASE)
    account.calls.made.clear()
    stored.renew(replace(BUSY, tasks=tasks))
    assert [call.operation for call in account.calls.made] == ["UpdateItem"]
    item = account.dynamodb.get_item(
        TableName=stored.table, Key={"pk": {"S": "WORKER#w1"}, "sk": {"S": "LEASE"}}
    )["Item"]
    assert len(str(item)) < 1_300, "with the type names around each of its values"


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutItem", lambda workers: workers.open(LEASE)),
        ("UpdateItem", lambda workers: workers.renew(BUSY)),
        ("GetItem", lambda workers: workers.lease("w1")),
        ("UpdateItem", lambda workers: workers.break_lease(LEASE)),
        ("UpdateItem", lambda workers: workers.note("w1", "t")),
        ("Query", lambda workers: workers.due(NOW, 1)),
        ("DeleteItem", lambda workers: workers.forget("w1")),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_a_failed_call_is_a_store_that_is_unavailable(
    account: Account, stored: DynamoDBWorkers, operation: str, call: object, fault: Fault
) -> None:
    account.calls.fail(operation, fault)
    with pytest.raises(StoreUnavailable):
        call(stored)  # type: ignore[operator]
