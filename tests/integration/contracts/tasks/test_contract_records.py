"""The contract of ``RecordStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from a2a_tasks.adapters.dynamodb.tasks.records import DynamoDBRecords
from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.task import Payload, TaskRef
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.tasks import Record, RecordStore
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.integration.support.stored_task import NOW, canceled, created, new_task
from tests.twins.stores.records import MemoryRecords

TASK, OTHER = new_task().ref.task_id, new_task(number=1).ref.task_id
KEY = "TURN#0001"


@pytest.fixture(params=["dynamodb", "memory"])
def records(request: pytest.FixtureRequest) -> RecordStore:
    if request.param == "memory":
        return MemoryRecords()
    opened: DynamoDBRecords = request.getfixturevalue("account").records
    return opened


def record(key: str = KEY, text: str = "{}") -> Record:
    return Record(key, Payload(inline=text))


def test_a_task_without_records_has_none(records: RecordStore) -> None:
    assert records.records(TASK) == []


@pytest.mark.parametrize(
    "payload",
    [Payload(inline='{"text":"报告 😀"}'), Payload(key="tasks/x/turn-0001-1.json", sha256="ab" * 32)],
)
def test_a_record_is_read_as_it_was_written(records: RecordStore, payload: Payload) -> None:
    kept = Record(KEY, payload)

    assert records.put_record(TASK, 1, kept) is True
    assert records.records(TASK) == [kept]
    assert records.records(OTHER) == []
    assert records.record(TASK, KEY) == kept
    assert (records.record(OTHER, KEY), records.record(TASK, "PROMPT")) == (None, None)


def test_records_come_in_the_order_of_what_happened(records: RecordStore) -> None:
    keys = [
        "PROMPT",
        "TURN#0001",
        "TURN#0001#TOOL#toolu_01",
        "TURN#0001#TOOL#toolu_02",
        "TURN#0002",
        "TURN#0010",
        "TURN#0010#TOOL#toolu_00",
    ]
    for key in [*keys[1::2], *keys[::2]]:
        records.put_record(TASK, 1, record(key))

    assert [found.key for found in records.records(TASK)] == keys


def test_the_same_record_again_changes_nothing(records: RecordStore) -> None:
    assert records.put_record(TASK, 2, record()) is True
    assert records.put_record(TASK, 2, record()) is True
    assert records.records(TASK) == [record()]


def test_what_is_known_of_a_tool_call_is_replaced_by_what_is_known_later(records: RecordStore) -> None:
    records.put_record(TASK, 1, record(text='{"state":"started"}'))

    assert records.put_record(TASK, 1, record(text='{"state":"done"}')) is True
    assert records.records(TASK) == [record(text='{"state":"done"}')]


def test_a_successor_replaces_what_is_there(records: RecordStore) -> None:
    records.put_record(TASK, 1, record(text="[1]"))

    assert records.put_record(TASK, 2, record(text="[2]")) is True
    assert records.records(TASK) == [record(text="[2]")]


@pytest.mark.parametrize("stale", [0, 1])
def test_a_stale_worker_replaces_nothing_of_its_successors(records: RecordStore, stale: int) -> None:
    records.put_record(TASK, 2, record(text="[2]"))

    assert records.put_record(TASK, stale, record(text="[0]")) is False
    assert records.records(TASK) == [record(text="[2]")]


def test_fences_of_ten_and_more_are_numbers(records: RecordStore) -> None:
    records.put_record(TASK, 10, record(text="[10]"))

    assert records.put_record(TASK, 9, record(text="[9]")) is False
    assert records.put_record(TASK, 11, record(text="[11]")) is True


def test_of_many_workers_the_one_with_the_highest_fence_wins(records: RecordStore) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: records.put_record(TASK, n, record(text=f"[{n}]")), [*range(1, 17)] * 2))

    assert records.records(TASK) == [record(text="[16]")]


def test_what_is_kept_once_is_never_replaced(records: RecordStore) -> None:
    first, second = record(text='{"text":"Paris"}'), record(text='{"text":"Rome"}')

    assert records.put_record_once(TASK, 1, first) is None
    assert records.put_record_once(TASK, 1, second) == first
    assert records.put_record_once(TASK, 2, second) == first
    assert records.records(TASK) == [first]


def test_an_answer_that_is_kept_again_is_found(records: RecordStore) -> None:
    answer = Record(KEY, Payload(key="tasks/x/answer-1-call-1.json", sha256="cd" * 32))
    records.put_record_once(TASK, 1, answer)

    assert records.put_record_once(TASK, 1, answer) == answer


def test_nothing_is_kept_once_where_a_worker_has_written(records: RecordStore) -> None:
    records.put_record(TASK, 3, record(text='{"state":"done"}'))

    assert records.put_record_once(TASK, 9, record()) == record(text='{"state":"done"}')


def test_of_many_answers_at_one_moment_one_is_kept(records: RecordStore) -> None:
    answers = [record(text=f"[{n}]") for n in range(16)]

    with ThreadPoolExecutor(16) as pool:
        earlier = list(pool.map(lambda answer: records.put_record_once(TASK, 1, answer), answers))

    (winner,) = records.records(TASK)
    assert [answer for answer, found in zip(answers, earlier, strict=True) if found is None] == [winner]
    assert {found for found in earlier if found} == {winner}


def test_a_conversation_of_many_megabytes_comes_whole(account: Account) -> None:
    kept = [record(f"TURN#{n:04d}", f'"{n:04d}{"测" * 100_000}"') for n in range(1, 9)]
    for one in kept:
        account.records.put_record(TASK, 1, one)
    account.calls.made.clear()

    assert account.records.records(TASK) == kept
    assert len(account.calls.of("Query")) > 1
    assert all(call.parameters["ConsistentRead"] for call in account.calls.of("Query"))


def test_records_go_with_their_task_and_no_others_do(account: Account) -> None:
    ended = canceled(account.store, created(account.store), NOW)
    for task_id in (TASK, OTHER):
        for number in range(40):
            account.records.put_record(task_id, 1, record(f"TURN#{number:04d}"))

    account.store.delete(ended.ref)

    assert account.records.records(TASK) == []
    assert len(account.records.records(OTHER)) == 40


def test_a_record_that_the_sdk_sent_twice_is_one_record(account: Account) -> None:
    account.calls.fail("PutItem", Fault.SENT_TWICE)

    assert account.records.put_record(TASK, 1, record()) is True
    assert account.records.records(TASK) == [record()]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutItem", lambda records: records.put_record(TASK, 1, record())),
        ("PutItem", lambda records: records.put_record_once(TASK, 1, record())),
        ("Query", lambda records: records.records(TASK)),
        ("GetItem", lambda records: records.record(TASK, KEY)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED, Fault.ANSWER_LOST])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBRecords], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(account.records)


STEPS = [
    Step(NOW, 1, calls=2, used={"m": Usage(1, 2, 3, 4, 1, Decimal("0.5")), "no-price": Usage(1)}),
    Step(NOW + 1, 1, tool="Write", is_open=True),
    Step(NOW + 2, 2, tool="call_agent", is_error=True, child=TaskRef("helper", TASK)),
]


def test_steps_are_read_without_texts(records: RecordStore) -> None:
    keys = ["TURN#0001", "TURN#0001#TOOL#a", "TURN#0001#TOOL#b"]
    records.put_record(TASK, 1, Record("PROMPT", Payload(inline="{}")))
    for key, step in zip(keys, STEPS, strict=True):
        records.put_record(TASK, 1, Record(key, Payload(inline="[1]"), step))

    assert records.steps(TASK, 10) == list(zip(keys, STEPS, strict=True))
    assert records.steps(TASK, 2) == [(keys[0], STEPS[0])]
    assert records.record(TASK, keys[2]) == Record(keys[2], Payload(inline="[1]"), STEPS[2])
    assert records.steps(OTHER, 10) == []
