"""The contract of ``ExchangeStore``: the same on DynamoDB and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from a2a_tasks.adapters.dynamodb.tasks.live import DynamoDBLive
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.domain.task import Progress, Status
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.live import LiveChunk, LiveStore
from a2a_tasks.wecom.exchange import (
    DeliveryClaim,
    DeliveryMeans,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    Feedback,
)
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.ports import NEWEST, ExchangeStore
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.exchanges import MemoryExchanges

TASK = "0197a4e0-0000-7000-8000-000000000001"
UNTIL = 1_750_000_000_000
REF = ExchangeRef(TASK)
ASKED = Exchange(REF, AGENT, PROJECT, "helper", "LiLei", None, Language.ZH, 5)
FULL = replace(
    ASKED,
    ref=ExchangeRef(TASK, "a1b2c3d4"),
    chat_id="group",
    sealed_url=b"\x00sealed",
    from_turn=3,
    answers="toolu_1",
)
END = ExchangeEnd(7, Status.COMPLETED)
STREAM, URL, PUSH = (DeliveryClaim(means, means.value, 8) for means in DeliveryMeans)


@pytest.fixture(params=["dynamodb", "memory"])
def both(request: pytest.FixtureRequest) -> tuple[ExchangeStore, LiveStore]:
    if request.param == "memory":
        memory = MemoryExchanges()
        return memory, memory.live
    account: Account = request.getfixturevalue("account")
    return account.exchanges, DynamoDBLive(account.dynamodb, account.resources["TasksTable"])


@pytest.fixture
def exchanges(both: tuple[ExchangeStore, LiveStore]) -> ExchangeStore:
    return both[0]


@pytest.fixture
def ended(exchanges: ExchangeStore) -> ExchangeStore:
    exchanges.put(ASKED, UNTIL)
    exchanges.end(REF, END)
    return exchanges


@pytest.mark.parametrize("exchange", [ASKED, FULL])
def test_an_exchange_is_read_as_it_was_put(exchanges: ExchangeStore, exchange: Exchange) -> None:
    assert exchanges.get(exchange.ref) is None
    assert exchanges.put(exchange, UNTIL) == exchange
    assert exchanges.get(exchange.ref) == exchange


def test_the_exchange_that_is_there_stays(exchanges: ExchangeStore) -> None:
    exchanges.put(ASKED, UNTIL)
    exchanges.close(REF)
    assert exchanges.put(replace(ASKED, started_at=9), UNTIL) == replace(ASKED, state=ExchangeState.CLOSED)


def test_of_a_message_that_comes_three_times_at_once_there_is_one_exchange(account: Account) -> None:
    with ThreadPoolExecutor() as pool:
        wanted = [replace(ASKED, started_at=number) for number in range(3)]
        put = list(pool.map(lambda exchange: account.exchanges.put(exchange, UNTIL), wanted))
    assert set(put) == {account.exchanges.get(REF)}


def test_one_read_has_the_exchanges_and_what_was_said_in_order(
    both: tuple[ExchangeStore, LiveStore],
) -> None:
    exchanges, live = both
    chunks = [
        LiveChunk(1, 1, 0, "说"),
        LiveChunk(1, 2, 0, "again", Progress("Bash")),
        LiveChunk(2, 2, 9, "x"),
    ]
    for chunk in reversed(chunks):
        live.append(TASK, chunk, UNTIL)
    for exchange in (FULL, ASKED):
        exchanges.put(exchange, UNTIL)
    exchanges.put(replace(ASKED, ref=ExchangeRef(TASK[:-1] + "2")), UNTIL)
    watched = exchanges.watch(TASK)
    assert (watched.exchanges, watched.chunks) == ([ASKED, FULL], chunks)
    assert exchanges.of_task(TASK) == [ASKED, FULL]


def test_who_has_read_some_reads_from_there_on(both: tuple[ExchangeStore, LiveStore]) -> None:
    exchanges, live = both
    chunks = [LiveChunk(1, 1, number, "x") for number in range(12)]
    for chunk in chunks:
        live.append(TASK, chunk, UNTIL)
    exchanges.put(ASKED, UNTIL)
    watched = exchanges.watch(TASK, chunks[9])
    assert (watched.exchanges, watched.chunks) == ([ASKED], chunks[9:])


def test_of_very_many_chunks_the_newest_are_read(both: tuple[ExchangeStore, LiveStore]) -> None:
    exchanges, live = both
    exchanges.put(ASKED, UNTIL)
    for number in range(NEWEST + 5):
        live.append(TASK, LiveChunk(1, 1, number, "x"), UNTIL)
    watched = exchanges.watch(TASK)
    assert watched.exchanges == [ASKED]
    assert [chunk.number for chunk in watched.chunks] == list(range(6, NEWEST + 5))


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.get(REF),
        lambda store: store.end(REF, END),
        lambda store: store.close(REF),
        lambda store: store.claim(REF, STREAM),
        lambda store: store.settle(REF, "url", ExchangeState.DELIVERED),
        lambda store: store.leave(REF, "url"),
        lambda store: store.rate(REF, Feedback(1, "", (), 9)),
    ],
)
def test_what_is_not_there_is_not_made_by_a_change(
    exchanges: ExchangeStore, change: Callable[[ExchangeStore], object]
) -> None:
    assert change(exchanges) is None
    assert exchanges.watch(TASK).exchanges == []


def test_the_first_end_stays(exchanges: ExchangeStore) -> None:
    exchanges.put(ASKED, UNTIL)
    asked = ExchangeEnd(7, Status.INPUT_REQUIRED, "Where to?\n1. A\n2. B", "call-1", ("A", "B"))
    assert exchanges.end(REF, asked) == replace(ASKED, end=asked)
    assert exchanges.get(REF) == replace(ASKED, end=asked)
    assert exchanges.end(REF, END) == replace(ASKED, end=asked)


def test_what_has_not_ended_is_not_claimed(exchanges: ExchangeStore) -> None:
    exchanges.put(ASKED, UNTIL)
    for claim in (STREAM, URL, PUSH):
        assert exchanges.claim(REF, claim, 100) == ASKED


def test_what_the_stream_delivers_is_delivered_by_nobody_else(ended: ExchangeStore) -> None:
    delivered = replace(ASKED, end=END, state=ExchangeState.DELIVERED, claim=STREAM)
    assert ended.claim(REF, STREAM) == delivered
    assert ended.close(REF) == delivered
    assert ended.claim(REF, URL, 100) == delivered
    assert ended.settle(REF, STREAM.claim_id, ExchangeState.UNDELIVERABLE) == delivered


@pytest.mark.parametrize("closes", [False, True])
def test_what_a_sender_delivers_is_not_the_stream_s_any_more(ended: ExchangeStore, closes: bool) -> None:
    if closes:
        ended.close(REF)
    claimed = replace(ASKED, end=END, state=ExchangeState.CLAIMED, claim=URL)
    assert ended.claim(REF, URL) == claimed
    assert ended.claim(REF, STREAM) == claimed
    assert ended.close(REF) == claimed
    assert ended.settle(REF, URL.claim_id, ExchangeState.DELIVERED) == replace(
        claimed, state=ExchangeState.DELIVERED
    )
    assert ended.claim(REF, PUSH, 100) == replace(claimed, state=ExchangeState.DELIVERED)


def test_what_is_closed_is_not_the_stream_s_any_more(ended: ExchangeStore) -> None:
    assert ended.close(REF) == ended.claim(REF, STREAM) == replace(ASKED, end=END, state=ExchangeState.CLOSED)


def test_a_claim_is_its_own_until_it_is_left(ended: ExchangeStore) -> None:
    ended.claim(REF, URL)
    other = replace(URL, claim_id="other", at=50)
    assert ended.claim(REF, other, URL.at) == replace(ASKED, end=END, state=ExchangeState.CLAIMED, claim=URL)
    # by other means it might arrive twice
    assert ended.claim(REF, replace(other, means=DeliveryMeans.PUSH), URL.at + 1) == ended.get(REF)
    again = replace(URL, at=20)
    assert ended.claim(REF, again) == replace(ASKED, end=END, state=ExchangeState.CLAIMED, claim=again)
    push = replace(URL, means=DeliveryMeans.PUSH, at=30)
    assert ended.claim(REF, push) == replace(ASKED, end=END, state=ExchangeState.CLAIMED, claim=push)
    left = replace(other, means=DeliveryMeans.PUSH)
    assert ended.claim(REF, left, push.at + 1) == replace(
        ASKED, end=END, state=ExchangeState.CLAIMED, claim=left
    )


def test_only_who_has_claimed_says_that_it_arrived(ended: ExchangeStore) -> None:
    claimed = ended.claim(REF, URL)
    assert ended.settle(REF, "other", ExchangeState.DELIVERED) == claimed
    settled = ended.settle(REF, URL.claim_id, ExchangeState.UNDELIVERABLE)
    assert settled is not None
    assert settled.state is ExchangeState.UNDELIVERABLE


def test_what_is_left_is_taken_on_at_once_by_the_same_means(ended: ExchangeStore) -> None:
    ended.claim(REF, URL)
    other = replace(URL, claim_id="other", at=50)
    assert ended.leave(REF, "other") == ended.get(REF) == ended.claim(REF, other, 1)
    ended.leave(REF, URL.claim_id)
    assert ended.claim(REF, replace(other, means=DeliveryMeans.PUSH), 1) == ended.get(REF)
    assert ended.claim(REF, other, 1) == replace(ASKED, end=END, state=ExchangeState.CLAIMED, claim=other)
    ended.settle(REF, "other", ExchangeState.DELIVERED)
    settled = ended.get(REF)
    assert ended.leave(REF, "other") == settled


def test_of_a_refresh_and_a_sender_at_once_one_delivers(account: Account) -> None:
    for number in range(5):
        exchange = replace(ASKED, ref=ExchangeRef(TASK, f"n{number}"))
        account.exchanges.put(exchange, UNTIL)
        account.exchanges.end(exchange.ref, END)
        with ThreadPoolExecutor() as pool:
            results = pool.map(
                lambda claim, ref=exchange.ref: account.exchanges.claim(ref, claim), [STREAM, URL]
            )
        found = {result.claim for result in results if result}
        assert len(found) == 1


def test_the_last_opinion_is_kept(ended: ExchangeStore) -> None:
    ended.rate(REF, Feedback(2, "太长", (1, 3), 9))
    assert ended.rate(REF, Feedback(1, "", (), 10)) == replace(
        ASKED, end=END, feedback=Feedback(1, "", (), 10)
    )


def test_what_never_came_to_be_is_taken_back_but_not_what_has_ended(exchanges: ExchangeStore) -> None:
    exchanges.put(ASKED, UNTIL)
    assert exchanges.remove(REF)
    assert exchanges.remove(REF)
    assert exchanges.get(REF) is None
    exchanges.put(ASKED, UNTIL)
    exchanges.end(REF, END)
    assert not exchanges.remove(REF)
    assert exchanges.get(REF) is not None


def test_exchanges_are_deleted_by_the_table_when_their_time_is_over(account: Account) -> None:
    account.exchanges.put(ASKED, UNTIL)
    (item,) = account.dynamodb.scan(TableName=account.resources["TasksTable"])["Items"]
    assert item["ttl"] == {"N": str(UNTIL // 1000)}


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutItem", lambda store: store.put(ASKED, UNTIL)),
        ("GetItem", lambda store: store.get(REF)),
        ("Query", lambda store: store.watch(TASK)),
        ("Query", lambda store: store.of_task(TASK)),
        ("UpdateItem", lambda store: store.claim(REF, URL)),
        ("DeleteItem", lambda store: store.remove(REF)),
    ],
)
@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_no_answer_is_store_unavailable(
    account: Account, operation: str, call: Callable[[DynamoDBExchanges], object], fault: Fault
) -> None:
    account.calls.fail(operation, fault)
    with pytest.raises(StoreUnavailable):
        call(account.exchanges)
