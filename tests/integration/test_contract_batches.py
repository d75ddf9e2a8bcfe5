"""The contract of ``BatchStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb_batches import MEMBERS_PER_ITEM, DynamoDBBatches
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.ports.batches import Batch, BatchStore, Member, Preparing, Waiting
from a2a_tasks.ports.faults import StoreUnavailable
from tests.integration.account import Account
from tests.integration.aws_calls import Fault
from tests.integration.stored_task import NOW, new_task
from tests.twins.batches import MemoryBatches

BATCH = Batch("batch-1", "run-1", tried_at=NOW, count=2)
MEMBERS = (Member(TaskRef("writer", "task-1"), 1), Member(TaskRef("other", "task-2"), 3))


@pytest.fixture(params=["dynamodb", "memory"])
def store(request: pytest.FixtureRequest) -> BatchStore:
    if request.param == "memory":
        return MemoryBatches()
    return on_dynamodb(request.getfixturevalue("account"))


def on_dynamodb(account: Account) -> DynamoDBBatches:
    return DynamoDBBatches(account.dynamodb, account.resources["TasksTable"])


def begun(store: BatchStore, batch: Batch = BATCH) -> Batch:
    assert store.begin(batch, MEMBERS)
    return batch


def in_line(store: BatchStore, **changes: Any) -> Waiting:
    task = new_task(**changes)
    store.enqueue(task)
    return Waiting(task.ref, max(task.created_at, task.not_before), task.project_id)


# -- the line


def test_the_line_is_in_the_order_of_the_tasks(store: BatchStore) -> None:
    second, first = in_line(store, now=NOW + 1), in_line(store, now=NOW)

    assert store.waiting(NOW + 1, 10) == [first, second]
    assert store.waiting(NOW + 1, 1) == [first]


def test_projects_come_in_turn_however_long_the_line_of_one_is(store: BatchStore) -> None:
    many = [in_line(store, now=NOW + n, number=n, project_id="crowd") for n in range(40)]
    late = [in_line(store, now=NOW + 50 + n, number=50 + n, project_id="crowd-2") for n in range(2)]
    last = in_line(store, now=NOW + 60, number=60, project_id="zoo")

    assert store.waiting(NOW + 60, 12) == [many[0], late[0], last, many[1], late[1], many[2], many[3]]
    for entry in (*late, last):
        store.drop(entry)
    assert store.waiting(NOW + 60, 12) == many[:12]


def test_what_a_long_line_costs_to_pass_is_two_reads(account: Account) -> None:
    store = on_dynamodb(account)
    for n in range(200):
        in_line(store, now=NOW + n, number=n, project_id="crowd")
    other = in_line(store, now=NOW, number=900, project_id="zoo")
    account.calls.made.clear()

    assert other in store.waiting(NOW + 900, 10)
    assert len(account.calls.of("Query")) == 3 + 2, "the projects and their end; a line of each"


def test_who_may_start_later_is_in_line_from_then_on(store: BatchStore) -> None:
    entry = in_line(store, not_before=NOW + 10)

    assert store.waiting(NOW + 9, 10) == []
    assert store.waiting(NOW + 10, 10) == [entry]


def test_nobody_is_in_line_twice(store: BatchStore) -> None:
    entry = in_line(store)
    in_line(store)

    assert store.waiting(NOW, 10) == [entry]


def test_a_dropped_entry_is_gone(store: BatchStore) -> None:
    entry = in_line(store)

    store.drop(entry)
    store.drop(entry)

    assert store.waiting(NOW, 10) == []


def test_an_entry_made_anew_is_not_dropped_by_one_who_saw_the_old(store: BatchStore) -> None:
    old = in_line(store)
    new = in_line(store, not_before=NOW + 10)

    store.drop(old)

    assert store.waiting(NOW + 10, 10) == [new]


def test_tries_are_counted_for_the_entry_that_was_seen(store: BatchStore) -> None:
    old = in_line(store)
    assert [store.count_try(old, run) for run in ("a", "a", "b", "b")] == [1, 0, 2, 0]
    assert store.waiting(NOW, 10) == [old]

    new = in_line(store, not_before=NOW + 10)
    assert (store.count_try(old, "c"), store.count_try(new, "c")) == (0, 3)

    store.drop(new)
    assert store.count_try(new, "d") == 0
    assert store.waiting(NOW + 10, 10) == []
    assert store.count_try(in_line(store), "d") == 1


def test_what_was_tried_is_read_with_the_line(store: BatchStore) -> None:
    store.count_try(in_line(store), "a")
    assert [entry.tries for entry in store.waiting(NOW, 10)] == [1]


def test_what_a_run_is_preparing_is_known_until_it_ends(store: BatchStore) -> None:
    entry = in_line(store)
    store.note_preparing("run-1", NOW, [entry, entry])
    store.note_preparing("run-1", NOW + 1, [entry])
    store.note_preparing("run-2", NOW, [])
    assert store.preparing() == [Preparing("run-1", NOW + 1, (entry,)), Preparing("run-2", NOW, ())]

    store.end_preparing("run-1")
    store.end_preparing("run-1")
    assert [one.run_id for one in store.preparing()] == ["run-2"]


# -- batches


def test_a_batch_is_read_as_it_was_written(store: BatchStore) -> None:
    begun(store)

    assert store.open_batches() == [BATCH]
    assert store.members("batch-1") == MEMBERS


def test_beginning_again_changes_nothing(store: BatchStore) -> None:
    begun(store)
    changed = store.update(replace(BATCH, api_id="msgbatch_1"))

    assert store.begin(BATCH, MEMBERS)

    assert store.open_batches() == [changed]


def test_an_abandoned_batch_never_begins(store: BatchStore) -> None:
    assert store.abandon("batch-1", NOW)
    assert store.abandon("batch-1", NOW + 1)

    assert not store.begin(BATCH, MEMBERS)

    assert store.open_batches() == []


def test_an_open_batch_cannot_be_abandoned(store: BatchStore) -> None:
    begun(store)

    assert not store.abandon("batch-1", NOW)

    assert store.open_batches() == [BATCH]


def test_a_change_raises_the_version(store: BatchStore) -> None:
    begun(store)
    foreign = frozenset({"msgbatch_2", "msgbatch_3"})
    changed = replace(
        BATCH, run_id="run-2", api_id="msgbatch_1", foreign=foreign, held_until=NOW + 5, live_from=1
    )

    written = store.update(changed)

    assert written == replace(changed, version=2)
    assert store.open_batches() == [written]
    assert store.members("batch-1") == MEMBERS


def test_of_two_changes_of_the_same_version_only_the_first_counts(store: BatchStore) -> None:
    begun(store)
    first = store.update(replace(BATCH, run_id="run-2", api_id="msgbatch_1"))

    assert store.update(replace(BATCH, run_id="run-3", live_from=1)) is None
    assert store.open_batches() == [first]


def test_a_change_whose_answer_was_lost_knows_itself(store: BatchStore) -> None:
    begun(store)
    changed = replace(BATCH, run_id="run-2", api_id="msgbatch_1")

    assert store.update(changed) == store.update(changed) == replace(changed, version=2)


def test_a_batch_that_is_closed_cannot_be_changed(store: BatchStore) -> None:
    begun(store)

    store.close(BATCH)
    store.close(BATCH)

    assert store.open_batches() == []
    assert store.update(replace(BATCH, live_from=1)) is None
    assert store.open_batches() == []


def test_a_batch_that_was_changed_meanwhile_is_not_closed(store: BatchStore) -> None:
    begun(store)
    changed = store.update(replace(BATCH, api_id="msgbatch_1"))

    store.close(BATCH)

    assert store.open_batches() == [changed]


def test_a_batch_at_the_api_belongs_to_one_batch_for_good(store: BatchStore) -> None:
    assert store.owner("msgbatch_1") is None

    assert store.own("msgbatch_1", "batch-1", NOW)
    assert store.own("msgbatch_1", "batch-1", NOW)
    assert not store.own("msgbatch_1", "batch-2", NOW)

    assert store.owner("msgbatch_1") == "batch-1"


def test_a_batch_nobody_knows_has_no_members(store: BatchStore) -> None:
    assert store.members("batch-9") == ()


def test_a_large_batch_keeps_the_order_of_its_members(store: BatchStore) -> None:
    count = 2 * MEMBERS_PER_ITEM + 1
    members = tuple(Member(TaskRef("a" * 64, f"{number:036d}"), 1) for number in range(count))

    store.begin(replace(BATCH, count=count), members)

    assert store.members("batch-1") == members


# -- DynamoDB alone


CALLS: list[tuple[str, Callable[[BatchStore], object]]] = [
    ("UpdateItem", lambda store: store.enqueue(new_task())),
    ("UpdateItem", lambda store: store.count_try(Waiting(new_task().ref, NOW, "demo"), "run-1")),
    ("Query", lambda store: store.waiting(NOW, 10)),
    ("PutItem", lambda store: store.note_preparing("run-1", NOW, [])),
    ("Query", lambda store: store.preparing()),
    ("DeleteItem", lambda store: store.end_preparing("run-1")),
    ("DeleteItem", lambda store: store.drop(Waiting(new_task().ref, NOW, "demo"))),
    ("PutItem", lambda store: store.begin(BATCH, MEMBERS)),
    ("PutItem", lambda store: store.abandon("batch-1", NOW)),
    ("Query", lambda store: store.open_batches()),
    ("Query", lambda store: store.members("batch-1")),
    ("PutItem", lambda store: store.update(BATCH)),
    ("GetItem", lambda store: store.owner("msgbatch_1")),
    ("PutItem", lambda store: store.own("msgbatch_1", "batch-1", NOW)),
    ("DeleteItem", lambda store: store.close(BATCH)),
]


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
@pytest.mark.parametrize(("operation", "call"), CALLS)
def test_a_table_that_does_not_answer_is_unavailable(
    account: Account, operation: str, call: Callable[[BatchStore], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(on_dynamodb(account))


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.begin(BATCH, MEMBERS),
        lambda store: store.abandon("batch-2", NOW),
        lambda store: store.own("msgbatch_1", "batch-1", NOW),
    ],
)
def test_a_write_that_the_sdk_repeats_counts_as_done(
    account: Account, call: Callable[[BatchStore], bool]
) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE, times=2)

    assert call(on_dynamodb(account))


def test_a_change_that_the_sdk_repeats_counts_as_done(account: Account) -> None:
    store = on_dynamodb(account)
    begun(store)
    account.calls.fail("PutItem", Fault.SENT_TWICE)

    assert store.update(replace(BATCH, live_from=1)) == replace(BATCH, live_from=1, version=2)


def test_what_a_batch_leaves_behind_is_deleted_in_time(account: Account) -> None:
    store = on_dynamodb(account)
    begun(store)
    store.own("msgbatch_1", "batch-1", NOW)
    store.abandon("batch-2", NOW)
    store.close(BATCH)

    items = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]

    assert len(items) == 3
    assert {int(item["ttl"]["N"]) for item in items} == {NOW // 1000 + 30 * 24 * 3600}


def test_more_than_a_page_of_members_is_read_whole(account: Account) -> None:
    store = on_dynamodb(account)
    members = tuple(Member(TaskRef("a" * 64, f"{number:036d}"), 1) for number in range(12_000))
    store.begin(replace(BATCH, count=len(members)), members)
    account.calls.made.clear()

    assert store.members("batch-1") == members
    assert len(account.calls.of("Query")) == 2
