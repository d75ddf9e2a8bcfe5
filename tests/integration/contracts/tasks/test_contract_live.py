"""The contract of ``LiveStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable

import pytest

from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.domain.task import Progress
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.live import LiveChunk, LiveStore
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.live import MemoryLive

TASK = "0197a4e0-0000-7000-8000-000000000001"
UNTIL = 1_750_000_000_000


@pytest.fixture(params=["dynamodb", "memory"])
def live(request: pytest.FixtureRequest) -> LiveStore:
    if request.param == "memory":
        return MemoryLive()
    account: Account = request.getfixturevalue("account")
    return DynamoDBLive(account.dynamodb, account.resources["TasksTable"])


def test_at_first_nothing_is_said(live: LiveStore) -> None:
    assert live.chunks(TASK) == []


def test_chunks_come_in_the_order_of_turn_fence_and_number(live: LiveStore) -> None:
    progress = Progress("WebSearch", "Searching", 40)
    chunks = [
        LiveChunk(1, 1, 0, "说"),
        LiveChunk(1, 1, 1, ""),
        LiveChunk(1, 2, 0, "again", progress),
        LiveChunk(2, 2, 9, "nine"),
        LiveChunk(2, 2, 10, "ten"),
    ]
    for chunk in reversed(chunks):
        live.append(TASK, chunk, UNTIL)

    assert live.chunks(TASK) == chunks


def test_who_has_read_some_reads_from_there_on(live: LiveStore) -> None:
    places = ((1, 1, 0), (1, 1, 1), (1, 2, 0), (10, 2, 0))
    chunks = [LiveChunk(*place, text) for place, text in zip(places, "abcd", strict=True)]
    for chunk in chunks:
        live.append(TASK, chunk, UNTIL)
    live.append(TASK, LiveChunk(1, 1, 1, "b and more"), UNTIL)

    assert live.chunks(TASK, chunks[1]) == [LiveChunk(1, 1, 1, "b and more"), *chunks[2:]]
    assert live.chunks(TASK, chunks[3]) == [chunks[3]]
    assert live.chunks(TASK, LiveChunk(11, 2, 0, "e")) == []


def test_the_same_chunk_again_changes_nothing(live: LiveStore) -> None:
    for _ in range(2):
        live.append(TASK, LiveChunk(1, 1, 0, "once"), UNTIL)

    assert live.chunks(TASK) == [LiveChunk(1, 1, 0, "once")]


def test_tasks_do_not_see_each_other(live: LiveStore) -> None:
    live.append(TASK, LiveChunk(1, 1, 0, "mine"), UNTIL)

    assert live.chunks(TASK[:-1] + "2") == []


def test_chunks_are_deleted_by_the_table_when_their_time_is_over(account: Account) -> None:
    table = account.resources["TasksTable"]
    DynamoDBLive(account.dynamodb, table).append(TASK, LiveChunk(1, 1, 0, "text"), UNTIL)

    (item,) = account.dynamodb.scan(TableName=table)["Items"]
    assert item["ttl"] == {"N": str(UNTIL // 1000)}


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutItem", lambda live: live.append(TASK, LiveChunk(1, 1, 0, "text"), UNTIL)),
        ("Query", lambda live: live.chunks(TASK)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBLive], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)

    with pytest.raises(StoreUnavailable):
        call(DynamoDBLive(account.dynamodb, account.resources["TasksTable"]))
