"""What is DynamoDB's alone: items that a task owns, costs, and lost connections."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.adapters.dynamodb.tasks.store import DynamoDBTaskStore
from a2a_tasks.adapters.dynamodb.tasks.task_items import LIST_SHARDS
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.task import Status
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Advance, Claim, InputRequest, Refused, Release, Written
from tests.integration.support.account import AGENT, Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import (
    ANYTHING,
    DAY_MS,
    NOW,
    QUESTION,
    RETAINED_MS,
    WORKER,
    asking,
    canceled,
    claimed,
    created,
    new_task,
    outcome,
)

REF = new_task().ref
ASKING = new_task(number=2)
CLAIM = Claim("mine", NOW, WORKER, 0)
RELEASE = Release(NOW, NOW, NOW, ())
PAUSE = InputRequest(NOW, QUESTION, NOW + DAY_MS, 1_000)

CALLS: list[tuple[str, Callable[[DynamoDBTaskStore], object]]] = [
    ("PutItem", lambda store: store.create(new_task())),
    ("GetItem", lambda store: store.get(REF)),
    ("BatchGetItem", lambda store: store.get_all([REF])),
    ("Query", lambda store: store.page(AGENT, None, 10, None)),
    ("Query", lambda store: store.summaries(AGENT, 10)),
    ("UpdateItem", lambda store: store.claim(REF, CLAIM)),
    ("UpdateItem", lambda store: store.advance(REF, 1, Advance(NOW))),
    ("UpdateItem", lambda store: store.release(REF, 1, RELEASE)),
    ("UpdateItem", lambda store: store.request_input(REF, 1, PAUSE)),
    ("GetItem", lambda store: store.resume(REF, QUESTION.call_id, NOW)),
    ("UpdateItem", lambda store: store.resume(ASKING.ref, QUESTION.call_id, NOW)),
    ("UpdateItem", lambda store: store.wake(REF, 1, NOW)),
    ("UpdateItem", lambda store: store.add_partial_output(REF, 1, None, ())),
    ("UpdateItem", lambda store: store.finish(REF, outcome(Status.CANCELED), ANYTHING)),
    ("UpdateItem", lambda store: store.reschedule(REF, 0, 1)),
    ("UpdateItem", lambda store: store.note_undelivered(REF, 0, None, Undelivered(1, 1), 1)),
    ("UpdateItem", lambda store: store.expire(REF, NOW)),
    ("Query", lambda store: store.due(0, NOW, 10)),
    ("Query", lambda store: store.past_retention(0, NOW, 10)),
    ("Query", lambda store: store.is_retained(REF.task_id)),
    ("Query", lambda store: store.delete(REF)),
    ("DeleteItem", lambda store: store.delete(REF)),
]


@pytest.mark.parametrize(("operation", "call"), CALLS)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBTaskStore], object], fault: Fault
) -> None:
    created(account.store)
    canceled(account.store, created(account.store, number=1), NOW)
    asking(account.store, created(account.store, number=2), NOW)
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(account.store)


def test_a_lost_answer_says_nothing_of_the_effect(account: Account) -> None:
    created(account.store)
    account.calls.fail("UpdateItem", Fault.ANSWER_LOST)

    with pytest.raises(StoreUnavailable):
        account.store.claim(REF, CLAIM)

    retried = account.store.claim(REF, CLAIM)
    assert isinstance(retried, Written)
    assert (retried.task.attempt, retried.task.fence) == (1, 1)


def test_a_claim_that_the_sdk_sent_twice_is_one_claim(account: Account) -> None:
    created(account.store)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    result = account.store.claim(REF, CLAIM)

    assert isinstance(result, Written)
    assert (result.task.attempt, result.task.fence) == (1, 1)


@pytest.mark.parametrize("keeps_attempt", [True, False])
def test_a_release_that_the_sdk_sent_twice_is_one_release(account: Account, keeps_attempt: bool) -> None:
    claimed(account.store, created(account.store), NOW)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    result = account.store.release(REF, 1, replace(RELEASE, keeps_attempt=keeps_attempt))

    assert isinstance(result, Written)
    assert (result.task.status, result.task.attempt) == (Status.PENDING, 0 if keeps_attempt else 1)


def test_a_pause_that_the_sdk_sent_twice_is_one_pause(account: Account) -> None:
    claimed(account.store, created(account.store), NOW)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    result = account.store.request_input(REF, 1, PAUSE)

    assert isinstance(result, Written)
    assert (result.task.status, result.task.attempt) == (Status.INPUT_REQUIRED, 0)


def test_a_wake_that_the_sdk_sent_twice_is_one_wake(account: Account) -> None:
    """Whoever wakes a task sends its message, so a wake must not be nobody's."""
    claimed(account.store, created(account.store), NOW)
    account.store.release(REF, 1, replace(RELEASE, awaits=(new_task(number=1).ref,)))
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    result = account.store.wake(REF, 1, NOW + 5)

    assert isinstance(result, Written)
    assert result.task.awaits == ()


def test_a_resume_is_not_mistaken_for_that_of_a_later_moment(account: Account) -> None:
    """Whoever resumes a task sends its message, and nobody else."""
    asking(account.store, created(account.store), NOW)
    account.store.resume(REF, QUESTION.call_id, NOW + 5)

    assert isinstance(account.store.resume(REF, QUESTION.call_id, NOW + 6), Refused)


def test_a_finish_that_the_sdk_sent_twice_is_one_finish(account: Account) -> None:
    created(account.store)
    account.calls.fail("UpdateItem", Fault.SENT_TWICE)

    assert isinstance(
        account.store.finish(REF, outcome(Status.CANCELED), Guard(frozenset({Status.PENDING}))), Written
    )


def test_a_task_is_deleted_with_every_item_that_it_owns(account: Account) -> None:
    table = account.resources["TasksTable"]
    task = canceled(account.store, created(account.store), NOW)
    other = new_task(number=1).ref
    for owner, count in ((task.ref, 60), (other, 3)):
        for n in range(count):
            key = {"pk": {"S": f"OWNED#{owner.task_id}"}, "sk": {"S": f"TURN#{n:04d}"}}
            account.dynamodb.put_item(TableName=table, Item=key)

    account.store.delete(task.ref)

    left = account.dynamodb.scan(TableName=table)["Items"]
    assert {item["pk"]["S"] for item in left} == {f"OWNED#{other.task_id}"}
    assert len(left) == 3
    batches = account.calls.of("BatchWriteItem")
    assert [len(call.parameters["RequestItems"][table]) for call in batches] == [25, 25, 10]


def test_a_delete_that_broke_off_leaves_the_record_that_leads_there(account: Account) -> None:
    task = canceled(account.store, created(account.store), NOW)
    key = {"pk": {"S": f"OWNED#{task.ref.task_id}"}, "sk": {"S": "TURN#1"}}
    account.dynamodb.put_item(TableName=account.resources["TasksTable"], Item=key)
    account.calls.fail("BatchWriteItem", Fault.NOT_SENT)

    with pytest.raises(StoreUnavailable):
        account.store.delete(task.ref)

    assert account.store.get(task.ref) == task


def test_each_change_is_one_write(account: Account) -> None:
    task = created(account.store)
    account.calls.made.clear()

    claimed(account.store, task, NOW)
    account.store.advance(REF, 1, Advance(NOW, turns=1))
    account.store.finish(REF, outcome(Status.CANCELED), ANYTHING)
    account.store.add_partial_output(REF, 1, None, ())

    assert [call.operation for call in account.calls.made] == ["UpdateItem"] * 4


def test_a_refusal_needs_no_second_read(account: Account) -> None:
    canceled(account.store, created(account.store), NOW)
    account.calls.made.clear()

    account.store.claim(REF, CLAIM)

    assert [call.operation for call in account.calls.made] == ["UpdateItem"]


def the_item(account: Account) -> dict[str, Any]:
    item: dict[str, Any] = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"][0]
    return item


def test_a_task_has_a_time_to_live_from_its_creation(account: Account) -> None:
    """The longest that it may live and be retained, and a week, in which an end may be late."""
    store = DynamoDBTaskStore(account.dynamodb, account.resources["TasksTable"], kept_ms=60 * DAY_MS)
    created(store)

    assert int(the_item(account)["ttl"]["N"]) == (NOW + 67 * DAY_MS) // 1000


def test_an_ended_task_has_a_time_to_live_of_its_retention(account: Account) -> None:
    canceled(account.store, created(account.store), NOW)

    item = the_item(account)
    assert int(item["ttl"]["N"]) == (NOW + RETAINED_MS) // 1000
    assert not item.keys() & {"dueShard", "dueAt", "expireShard", "expireAt"}, "in no index but the list"


def test_a_deleted_task_is_left_to_clean_up_before_its_time_to_live(account: Account) -> None:
    task = canceled(account.store, created(account.store), NOW)

    account.store.expire(task.ref, NOW + 500)

    item = the_item(account)
    assert item["expireAt"]["N"] == str(NOW + 500)
    assert int(item["ttl"]["N"]) == (NOW + 500) // 1000 + 7 * 24 * 3600


def test_what_a_batch_left_unread_is_read(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [created(account.store, number=n) for n in range(5)]
    read, asked = account.dynamodb.batch_get_item, []

    def read_two(**arguments: Any) -> Any:
        """As DynamoDB does where the items are too large, or too many for the moment."""
        (table, request), *_ = arguments["RequestItems"].items()
        keys = request["Keys"]
        asked.append(len(keys))
        answer = read(RequestItems={table: request | {"Keys": keys[:2]}})
        left = {table: request | {"Keys": keys[2:]}} if keys[2:] else {}
        return answer | {"UnprocessedKeys": left}

    monkeypatch.setattr(account.dynamodb, "batch_get_item", read_two)
    found = account.store.get_all([task.ref for task in tasks])
    assert sorted(found, key=str) == sorted(tasks, key=str)
    assert asked == [5, 3, 1]


def test_a_batch_of_which_nothing_is_read_is_store_unavailable(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_nothing(**arguments: Any) -> Any:
        return {"Responses": {}, "UnprocessedKeys": arguments["RequestItems"]}

    monkeypatch.setattr(account.dynamodb, "batch_get_item", read_nothing)
    with pytest.raises(StoreUnavailable):
        account.store.get_all([REF])


def test_a_sparse_filter_stops_after_a_thousand_entries_and_goes_on_behind_its_cursor(
    account: Account,
) -> None:
    for n in range(1_030):
        created(account.store, NOW - n, number=n)
    last = canceled(account.store, created(account.store, NOW - 2_000, number=2_000), NOW)
    account.calls.made.clear()

    first = account.store.page(AGENT, Status.CANCELED, 10, None)
    second = account.store.page(AGENT, Status.CANCELED, 10, first.cursor)

    assert first.tasks == []
    assert first.cursor is not None
    assert len(account.calls.of("Query")) <= 2 * 2 * LIST_SHARDS
    assert len(account.calls.of("BatchGetItem")) == 1, "only of what was found is a record read"
    assert (second.tasks, second.cursor) == ([last], None)
