"""The contract of ``OpenStreamStore``: the same on DynamoDB and in memory."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from a2a_tasks.adapters.dynamodb.open_streams import DynamoDBOpenStreams
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import OpenStreamStore, PlacesFull, StreamPlace
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault
from tests.twins.stores.open_streams import MemoryOpenStreams

NOW = 1_750_000_000_000
UNTIL = NOW + 900_000


@pytest.fixture(params=["dynamodb", "memory"])
def streams(request: pytest.FixtureRequest) -> OpenStreamStore:
    if request.param == "memory":
        return MemoryOpenStreams()
    opened: DynamoDBOpenStreams = request.getfixturevalue("account").open_streams
    return opened


def taken(streams: OpenStreamStore, now: int = NOW, until: int = UNTIL, limit: int = 3) -> StreamPlace:
    place = streams.take("key", limit, now, until)
    assert isinstance(place, StreamPlace)
    return place


def test_there_are_as_many_places_as_the_limit_says(streams: OpenStreamStore) -> None:
    places = [taken(streams, until=UNTIL + n) for n in range(3)]
    assert {place.number for place in places} == {0, 1, 2}
    assert streams.take("key", 3, NOW, UNTIL + 9) == PlacesFull(UNTIL)
    assert isinstance(streams.take("other", 3, NOW, UNTIL + 9), StreamPlace), "keys do not share"


def test_a_place_that_is_given_back_is_the_next_ones(streams: OpenStreamStore) -> None:
    places = [taken(streams, until=UNTIL + n) for n in range(3)]
    streams.free(places[1])
    streams.free(places[1])
    assert taken(streams, until=UNTIL + 9).number == places[1].number


def test_a_process_that_died_holds_its_place_until_its_time_is_over(streams: OpenStreamStore) -> None:
    for n in range(3):
        taken(streams, until=UNTIL + n)
    assert streams.take("key", 3, UNTIL - 1, UNTIL + 9) == PlacesFull(UNTIL)
    assert isinstance(streams.take("key", 3, UNTIL, UNTIL + 9), StreamPlace)


def test_who_gives_back_late_takes_nothing_from_the_next(streams: OpenStreamStore) -> None:
    late = taken(streams, limit=1)
    taken(streams, UNTIL, UNTIL + 900_000, limit=1)
    streams.free(late)
    assert streams.take("key", 1, UNTIL, UNTIL + 5) == PlacesFull(UNTIL + 900_000)


def test_a_smaller_limit_holds_for_whoever_comes_next(streams: OpenStreamStore) -> None:
    places = [taken(streams, until=UNTIL + n) for n in range(3)]
    assert isinstance(streams.take("key", 1, NOW, UNTIL + 9), PlacesFull)
    streams.free(next(place for place in places if place.number == 0))
    assert taken(streams, until=UNTIL + 9, limit=1).number == 0


def test_many_at_the_same_moment_get_no_more_than_the_limit(streams: OpenStreamStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: streams.take("key", 5, NOW, UNTIL + n), range(24)))
    places = [answer for answer in answers if isinstance(answer, StreamPlace)]
    assert sorted(place.number for place in places) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.SENT_TWICE])
def test_a_lost_answer_takes_no_second_place(account: Account, fault: Fault) -> None:
    account.calls.fail("UpdateItem", fault, on="RATE#")
    try:
        account.open_streams.take("key", 2, NOW, UNTIL)
    except StoreUnavailable:
        assert fault is Fault.ANSWER_LOST
    assert isinstance(account.open_streams.take("key", 2, NOW, UNTIL + 1), StreamPlace)
    assert account.open_streams.take("key", 2, NOW, UNTIL + 2) == PlacesFull(UNTIL)


def test_one_item_holds_all_places_and_is_deleted_some_day(account: Account) -> None:
    for n in range(500):
        account.open_streams.take("key", 500, NOW, UNTIL + n)
    key = {"pk": {"S": "RATE#key"}, "sk": {"S": "STREAMS"}}
    item = account.dynamodb.get_item(TableName=account.resources["TasksTable"], Key=key)["Item"]
    assert int(item["ttl"]["N"]) > UNTIL // 1000
    assert sum(len(name) + len(value["N"]) for name, value in item.items() if "N" in value) < 10_000
