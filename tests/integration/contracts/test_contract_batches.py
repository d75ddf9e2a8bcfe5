"""The contract of ``BatchStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.batch_line import LISTED_MS
from a2a_tasks.adapters.dynamodb.batches import MEMBERS_PER_ITEM, DynamoDBBatches
from a2a_tasks.domain.task import TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.batches import (
    IDLE_MS,
    Batch,
    BatchMember,
    BatchStore,
    Preparing,
    QueuedProject,
    QueuedTask,
)
from a2a_tasks.ports.errors import StoreUnavailable
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, new_task
from tests.twins.stores.batches import MemoryBatches

BATCH = Batch("batch-1", "run-1", tried_at=NOW, count=2, project_id="demo")
MEMBERS = (BatchMember(TaskRef("writer", "task-1"), 1), BatchMember(TaskRef("other", "task-2"), 3))


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


def in_line(store: BatchStore, **changes: Any) -> QueuedTask:
    task = new_task(**changes)
    store.enqueue(task, NOW)
    return QueuedTask(task.ref, max(task.created_at, task.not_before), task.project_id)


# -- the line


def test_the_line_is_in_the_order_of_the_tasks(store: BatchStore) -> None:
    second, first = in_line(store, now=NOW + 1), in_line(store, now=NOW)

    assert store.waiting("demo", NOW + 1, 10) == [first, second]
    assert store.waiting("demo", NOW + 1, 1) == [first]


def test_each_project_has_a_line_of_its_own(store: BatchStore) -> None:
    ours = in_line(store, number=1)
    theirs = in_line(store, number=2, project_id="demo-2")

    assert store.waiting("demo", NOW, 10) == [ours]
    assert store.waiting("demo-2", NOW, 10) == [theirs]
    assert store.waiting("dem", NOW, 10) == []


def test_what_may_start_later_is_not_read(account: Account) -> None:
    store = on_dynamodb(account)
    first = in_line(store, number=1)
    for n in range(2, 50):
        in_line(store, number=n, not_before=NOW + n)
    account.calls.made.clear()

    assert store.waiting("demo", NOW, 10) == [first]
    (query,) = account.calls.of("Query")
    assert query.parameters["ExpressionAttributeValues"][":after"]["S"] == f"{NOW + 1:014d}"
    assert "FilterExpression" not in query.parameters


def test_no_more_of_a_long_line_is_read_than_is_asked_for(account: Account) -> None:
    store = on_dynamodb(account)
    entries = [in_line(store, now=NOW + n, number=n) for n in range(60)]
    account.calls.made.clear()

    assert store.waiting("demo", NOW + 60, 20) == entries[:20]
    assert [call.parameters["Limit"] for call in account.calls.of("Query")] == [20]


def test_who_may_start_later_is_in_line_from_then_on(store: BatchStore) -> None:
    entry = in_line(store, not_before=NOW + 10)

    assert store.waiting("demo", NOW + 9, 10) == []
    assert store.waiting("demo", NOW + 10, 10) == [entry]


def test_nobody_is_in_line_twice(store: BatchStore) -> None:
    entry = in_line(store)
    in_line(store)

    assert store.waiting("demo", NOW, 10) == [entry]


def test_a_dropped_entry_is_gone(store: BatchStore) -> None:
    entry = in_line(store)

    store.drop(entry)
    store.drop(entry)

    assert store.waiting("demo", NOW, 10) == []


def test_an_entry_made_anew_is_not_dropped_by_one_who_saw_the_old(store: BatchStore) -> None:
    old = in_line(store)
    new = in_line(store, not_before=NOW + 10)

    store.drop(old)

    assert store.waiting("demo", NOW + 10, 10) == [new]


def test_tries_are_counted_for_the_entry_that_was_seen(store: BatchStore) -> None:
    old = in_line(store)
    assert [store.count_try(old, run) for run in ("a", "a", "b", "b")] == [1, 0, 2, 0]
    in_line(store)
    assert [entry.tries for entry in store.waiting("demo", NOW, 10)] == [2], "the sweeper puts it in again"

    new = in_line(store, not_before=NOW + 10)
    assert (store.count_try(old, "c"), store.count_try(new, "c")) == (3, 1)

    store.drop(new)
    assert store.count_try(new, "d") == 0
    assert store.waiting("demo", NOW + 10, 10) == [old]


def test_what_was_tried_is_read_with_the_line(store: BatchStore) -> None:
    store.count_try(in_line(store), "a")
    assert [entry.tries for entry in store.waiting("demo", NOW, 10)] == [1]


def test_what_a_run_is_preparing_is_known_until_it_ends(store: BatchStore) -> None:
    entry = in_line(store)
    store.note_preparing("demo", "run-1", NOW, [entry, entry])
    store.note_preparing("demo", "run-1", NOW + 1, [entry])
    store.note_preparing("demo", "run-2", NOW, [])
    assert store.preparing("demo") == [Preparing("run-1", NOW + 1, (entry,)), Preparing("run-2", NOW, ())]
    assert store.preparing("rival") == []

    store.end_preparing("demo", "run-1")
    store.end_preparing("demo", "run-1")
    assert [one.run_id for one in store.preparing("demo")] == ["run-2"]


# -- the projects in line


def test_a_project_is_listed_with_its_first_task(store: BatchStore) -> None:
    assert (store.projects(), store.is_empty("demo")) == ([], True)

    in_line(store, number=1)
    in_line(store, number=2, project_id="rival", not_before=NOW + 10)

    assert sorted(one.project_id for one in store.projects()) == ["demo", "rival"]
    assert store.project("demo") == QueuedProject("demo", seen_at=NOW)
    assert (store.is_empty("rival"), store.is_empty("demo-2")) == (False, True)


def test_a_project_that_is_paused_is_so_until_that_ends(store: BatchStore) -> None:
    in_line(store)
    store.pause("demo", 3, NOW + 60_000)
    in_line(store)
    assert store.projects() == [QueuedProject("demo", NOW, refusals=3, paused_until=NOW + 60_000)]
    assert store.project("demo") == store.projects()[0]

    store.pause("demo", 0, 0)
    assert store.project("demo") == QueuedProject("demo", NOW)


def test_a_project_is_forgotten_unless_it_was_seen_since(store: BatchStore) -> None:
    in_line(store)
    (listed,) = store.projects()
    store.forget(replace(listed, seen_at=NOW - 1))
    assert store.projects() == [listed]

    store.forget(listed)
    store.forget(listed)
    assert store.projects() == []


def test_a_process_lists_a_project_once_in_five_minutes(account: Account) -> None:
    store = on_dynamodb(account)
    for seconds in (0, 1, 299, 300, 301):
        store.enqueue(new_task(number=seconds), NOW + seconds * 1_000)

    writes = [call.parameters["Key"]["pk"]["S"] for call in account.calls.of("UpdateItem")]
    assert sum(pk.startswith("BATCH#PROJECTS#") for pk in writes) == 2
    assert writes[0].startswith("BATCH#PROJECTS#"), "before the task: nobody waits in a line that is not read"
    assert store.project("demo").seen_at == NOW + 300_000


def test_who_does_not_list_a_project_has_listed_it_long_before_it_can_be_forgotten() -> None:
    assert LISTED_MS * 10 <= IDLE_MS


# -- batches


def test_a_batch_is_read_as_it_was_written(store: BatchStore) -> None:
    begun(store)

    assert store.open_batches() == [BATCH]
    assert store.members("batch-1") == MEMBERS


def test_what_its_tasks_may_come_to_is_kept(store: BatchStore) -> None:
    batch = begun(store, replace(BATCH, reserved=Usage(1_000, cost_usd=Decimal("0.25"))))

    assert store.open_batches() == [batch]


def test_a_projects_batches_are_read_alone(store: BatchStore) -> None:
    begun(store)
    other = begun(store, replace(BATCH, batch_id="batch-2", project_id="demo-2"))

    assert store.open_of("demo") == [BATCH]
    assert store.open_of("demo-2") == [other]


def test_beginning_again_changes_nothing(store: BatchStore) -> None:
    begun(store)
    changed = store.update(replace(BATCH, api_id="msgbatch_1"))

    assert store.begin(BATCH, MEMBERS)

    assert store.open_batches() == [changed]


def test_an_abandoned_batch_never_begins(store: BatchStore) -> None:
    assert store.abandon("demo", "batch-1", NOW)
    assert store.abandon("demo", "batch-1", NOW + 1)

    assert not store.begin(BATCH, MEMBERS)

    assert store.open_batches() == []


def test_an_open_batch_cannot_be_abandoned(store: BatchStore) -> None:
    begun(store)

    assert not store.abandon("demo", "batch-1", NOW)

    assert store.open_batches() == [BATCH]


def test_a_batch_that_is_split_is_two(store: BatchStore) -> None:
    begun(store)
    parts = BATCH.parts(1, "run-2")

    assert store.split(BATCH, parts, NOW)

    assert {batch.batch_id: batch for batch in store.open_batches()} == {p.batch_id: p for p in parts}
    assert [part.of(store.members(part.root_id)) for part in parts] == [MEMBERS[:1], MEMBERS[1:]]
    assert not store.abandon("demo", "batch-1", NOW), "its tasks hold its claim"
    assert store.update(replace(BATCH, live_from=1)) is None
    assert not store.split(BATCH, parts, NOW)


def test_a_part_is_split_and_closed_as_a_batch_is(store: BatchStore) -> None:
    begun(store, replace(BATCH, count=4))
    first, second = BATCH.parts(2, "run-2")
    store.split(BATCH, (first, second), NOW)
    halves = second.parts(1, "run-3")

    assert store.split(second, halves, NOW)
    store.close(first)

    assert {batch.batch_id for batch in store.open_batches()} == {half.batch_id for half in halves}
    assert [(half.first, half.end, half.root_id) for half in halves] == [
        (2, 3, "batch-1"),
        (3, None, "batch-1"),
    ]
    changed = store.update(replace(halves[0], tried_at=NOW, count=1))
    assert changed in store.open_batches()


def test_a_batch_that_was_changed_meanwhile_is_not_split(store: BatchStore) -> None:
    begun(store)
    changed = store.update(replace(BATCH, api_id="msgbatch_1"))

    assert not store.split(BATCH, BATCH.parts(1, "run-2"), NOW)

    assert store.open_batches() == [changed]


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

    assert store.assign("msgbatch_1", "batch-1", NOW)
    assert store.assign("msgbatch_1", "batch-1", NOW)
    assert not store.assign("msgbatch_1", "batch-2", NOW)

    assert store.owner("msgbatch_1") == "batch-1"


def test_a_batch_nobody_knows_has_no_members(store: BatchStore) -> None:
    assert store.members("batch-9") == ()


def test_a_large_batch_keeps_the_order_of_its_members(store: BatchStore) -> None:
    count = 2 * MEMBERS_PER_ITEM + 1
    members = tuple(BatchMember(TaskRef("a" * 64, f"{number:036d}"), 1) for number in range(count))

    store.begin(replace(BATCH, count=count), members)

    assert store.members("batch-1") == members


# -- DynamoDB alone


CALLS: list[tuple[str, Callable[[BatchStore], object]]] = [
    ("UpdateItem", lambda store: store.enqueue(new_task(), NOW)),
    ("UpdateItem", lambda store: store.count_try(QueuedTask(new_task().ref, NOW, "demo"), "run-1")),
    ("Query", lambda store: store.waiting("demo", NOW, 10)),
    ("PutItem", lambda store: store.note_preparing("demo", "run-1", NOW, [])),
    ("Query", lambda store: store.preparing("demo")),
    ("DeleteItem", lambda store: store.end_preparing("demo", "run-1")),
    ("DeleteItem", lambda store: store.drop(QueuedTask(new_task().ref, NOW, "demo"))),
    ("Query", lambda store: store.projects()),
    ("GetItem", lambda store: store.project("demo")),
    ("UpdateItem", lambda store: store.pause("demo", 1, NOW)),
    ("DeleteItem", lambda store: store.forget(QueuedProject("demo", NOW))),
    ("Query", lambda store: store.is_empty("demo")),
    ("PutItem", lambda store: store.begin(BATCH, MEMBERS)),
    ("PutItem", lambda store: store.abandon("demo", "batch-1", NOW)),
    ("Query", lambda store: store.open_batches()),
    ("Query", lambda store: store.open_of("demo")),
    ("TransactWriteItems", lambda store: store.split(BATCH, BATCH.parts(1, "run-2"), NOW)),
    ("Query", lambda store: store.members("batch-1")),
    ("PutItem", lambda store: store.update(BATCH)),
    ("GetItem", lambda store: store.owner("msgbatch_1")),
    ("PutItem", lambda store: store.assign("msgbatch_1", "batch-1", NOW)),
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
        lambda store: store.abandon("demo", "batch-2", NOW),
        lambda store: store.assign("msgbatch_1", "batch-1", NOW),
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
    store.assign("msgbatch_1", "batch-1", NOW)
    store.abandon("demo", "batch-2", NOW)
    store.close(BATCH)

    items = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]

    assert len(items) == 3
    assert {int(item["ttl"]["N"]) for item in items} == {NOW // 1000 + 30 * 24 * 3600}


def test_an_entry_of_the_line_is_deleted_in_time(account: Account) -> None:
    in_line(on_dynamodb(account))

    items = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]

    ttl = [int(item["ttl"]["N"]) for item in items if "ttl" in item]
    assert ttl == [NOW // 1000 + 28 * 24 * 3600]


def test_more_than_a_page_of_members_is_read_whole(account: Account) -> None:
    store = on_dynamodb(account)
    members = tuple(BatchMember(TaskRef("a" * 64, f"{number:036d}"), 1) for number in range(12_000))
    store.begin(replace(BATCH, count=len(members)), members)
    account.calls.made.clear()

    assert store.members("batch-1") == members
    assert len(account.calls.of("Query")) == 2
