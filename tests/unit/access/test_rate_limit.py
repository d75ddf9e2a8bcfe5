"""Rate limits of callers: what headers and refusals say, and what happens without the store."""

import pytest

from a2a_tasks.access.open_streams import OpenStreams
from a2a_tasks.access.rate_limits import RateLimitedCaller, RateLimiter
from a2a_tasks.domain.access.rate import KeyLimits, RateLimitKind
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import Bucket
from tests.twins.clock import FakeClock
from tests.twins.faults.failpoints import Failpoints
from tests.twins.stores.open_streams import MemoryOpenStreams
from tests.twins.stores.rates import MemoryRates
from tests.twins.telemetry import MemoryTelemetry
from tests.unit.access.rate_fleet import Fleet

DEPLOYED = KeyLimits(
    requests_per_hour=3_600, request_burst=3, creations_per_hour=360, creation_burst=2, open_streams=2
)


class Desk:
    """A limiter in one process, its store, and callers."""

    def __init__(self, deployed: KeyLimits = DEPLOYED) -> None:
        self.clock, self.telemetry, self.store = FakeClock(), MemoryTelemetry(), MemoryRates()
        self.failpoints = Failpoints()
        places = self.failpoints.wrap("streams", MemoryOpenStreams())
        self.limiter = RateLimiter(
            self.failpoints.wrap("rates", self.store),
            self.clock,
            self.telemetry,
            deployed,
            OpenStreams(places, self.clock, self.telemetry),
        )

    def caller(self, key_id: str = "key", **own: str) -> RateLimitedCaller:
        return self.limiter.caller({"projectId": "demo", "keyId": key_id, **own})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(caller: RateLimitedCaller) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        caller.count_request()
    return caught.value


def test_each_request_is_told_what_is_left(desk: Desk) -> None:
    headers = []
    for _ in range(3):
        caller = desk.caller()
        caller.count_request()
        headers.append(caller.headers)
    assert headers == [
        {"RateLimit-Limit": "3", "RateLimit-Remaining": left, "RateLimit-Reset": reset}
        for left, reset in (("2", "1"), ("1", "2"), ("0", "3"))
    ]


def test_one_too_many_says_which_limit_and_when_again(desk: Desk) -> None:
    for _ in range(3):
        desk.caller().count_request()
    caller = desk.caller()
    refusal = refused(caller)
    assert (refusal.code, refusal.retry_after) == (ErrorCode.RATE_LIMIT_EXCEEDED, 1)
    assert refusal.message == (
        "Requests of this API key are limited to 3,600 an hour and 3 at a time; try again in 1 s."
    )
    assert caller.headers["RateLimit-Remaining"] == "0"
    assert desk.telemetry.counts["RateLimited", "REQUESTS"] == 1
    desk.clock.advance(1)
    desk.caller().count_request()


def test_a_process_goes_by_what_it_has_seen_full(desk: Desk) -> None:
    for _ in range(3):
        desk.caller().count_request()
    desk.store.tats.clear()
    assert refused(desk.caller()).retry_after == 1


def test_keys_do_not_share(desk: Desk) -> None:
    for _ in range(3):
        desk.caller().count_request()
    desk.caller("other").count_request()
    refused(desk.caller())


def test_a_keys_own_limits_come_with_the_request(desk: Desk) -> None:
    desk.caller(requestsPerHour="60", requestBurst="1").count_request()
    assert refused(desk.caller(requestsPerHour="60", requestBurst="1")).retry_after == 60
    unlimited = desk.caller("other", requestsPerHour="0")
    for _ in range(20):
        unlimited.count_request()
    assert unlimited.headers == {}


def test_headers_tell_of_the_limit_that_leaves_the_least(desk: Desk) -> None:
    caller = desk.caller()
    caller.count_request()
    caller.count_creation()
    assert caller.headers == {"RateLimit-Limit": "2", "RateLimit-Remaining": "1", "RateLimit-Reset": "10"}


def test_of_many_creations_the_first_ones_are_taken(desk: Desk) -> None:
    caller = desk.caller()
    assert caller.count_creations(100) == 2
    refusal = caller.creation_refusal
    assert (refusal.code, refusal.retry_after) == (ErrorCode.RATE_LIMIT_EXCEEDED, 10)
    assert refusal.message.startswith("New tasks of this API key are limited to 360 an hour and 2 at a time")
    with pytest.raises(RequestRefused):
        desk.caller().count_creations(1)
    desk.clock.advance(10)
    assert desk.caller().count_creations(5) == 1
    assert desk.telemetry.counts["RateLimited", "CREATIONS"] == 3


def test_without_limits_nothing_is_written() -> None:
    desk = Desk(KeyLimits(0, 1, 0, 1))
    caller = desk.caller()
    caller.count_request()
    assert caller.count_creations(100) == 100
    assert (caller.headers, desk.store.tats) == ({}, {})


@pytest.mark.parametrize("after", [False, True])
def test_a_store_that_does_not_answer_lets_everybody_through(desk: Desk, after: bool) -> None:
    desk.failpoints.fail("rates.take", StoreUnavailable("gone"), after=after)
    desk.failpoints.fail("rates.take", StoreUnavailable("gone"), call=2, after=after)
    caller = desk.caller()
    caller.count_request()
    assert caller.count_creations(50) == 50
    assert caller.headers == {}
    assert desk.telemetry.names() == ["rate limit not checked"] * 2
    counted = {Bucket("key", RateLimitKind.REQUESTS), Bucket("key", RateLimitKind.CREATIONS)}
    assert desk.store.tats.keys() == (counted if after else set())


def test_a_caller_that_is_at_its_limit_never_gets_more_than_its_rate(desk: Desk) -> None:
    granted = 0
    for _ in range(1_000):
        try:
            desk.caller().count_request()
            granted += 1
        except RequestRefused:
            pass
        desk.clock.advance(0.01)
    assert granted == 3 + 9


def test_a_process_that_found_nothing_left_asks_again_after_a_second() -> None:
    desk = Desk(KeyLimits(36_000, 40, 0, 1, 0))
    for _ in range(40):
        desk.caller().count_request()
    for _ in range(9):
        caller = desk.caller()
        assert refused(caller).retry_after == 1
        assert caller.headers["RateLimit-Remaining"] == "0"
        desk.clock.advance(0.1)
    desk.clock.advance(0.1)
    last = desk.caller()
    last.count_request()
    assert last.headers["RateLimit-Remaining"] == "9"


@pytest.mark.parametrize("burst", [1, 2, 5, 40])
def test_who_goes_on_at_the_limit_gets_all_of_it_whatever_the_burst(burst: int) -> None:
    desk = Desk(KeyLimits(36_000, burst, 0, 1, 0))
    granted = 0
    for _ in range(3_000):
        desk.clock.advance(0.02)
        try:
            desk.caller().count_request()
            granted += 1
        except RequestRefused:
            pass
    assert 600 * 0.9 <= granted <= 600 + burst


def refused_stream(caller: RateLimitedCaller, seconds: float = 900) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        caller.open_stream(seconds)
    return caught.value


def test_one_stream_too_many_is_told_when_to_come_again(desk: Desk) -> None:
    first, second = desk.caller(), desk.caller()
    first.open_stream(20)
    second.open_stream(900)
    refusal = refused_stream(desk.caller())
    assert (refusal.code, refusal.retry_after) == (ErrorCode.RATE_LIMIT_EXCEEDED, 25)
    assert refusal.message.startswith("Streams and waits of this API key are limited to 2 at a time;")
    assert desk.telemetry.counts["RateLimited", "STREAMS"] == 1
    desk.caller("other").open_stream(900)
    first.close()
    first.close()
    desk.caller().open_stream(900)
    assert refused_stream(desk.caller()).retry_after == 30, "most streams end before their time"


def test_a_stream_whose_process_died_counts_until_its_time_is_over(desk: Desk) -> None:
    for _ in range(2):
        desk.caller().open_stream(20)
    desk.clock.advance(24)
    refused_stream(desk.caller())
    desk.clock.advance(1)
    desk.caller().open_stream(20)


def test_a_key_may_have_a_limit_of_streams_of_its_own(desk: Desk) -> None:
    desk.caller(openStreams="1").open_stream(20)
    refused_stream(desk.caller(openStreams="1"))
    for _ in range(9):
        desk.caller(openStreams="0").open_stream(20)


@pytest.mark.parametrize("after", [False, True])
def test_a_store_that_does_not_answer_lets_streams_through(desk: Desk, after: bool) -> None:
    desk.failpoints.fail("streams.take", StoreUnavailable("gone"), after=after)
    caller = desk.caller()
    caller.open_stream(20)
    caller.close()
    assert desk.telemetry.names() == ["open stream not counted"]


def test_a_place_that_cannot_be_given_back_is_free_in_time(desk: Desk) -> None:
    desk.failpoints.fail("streams.free", StoreUnavailable("gone"))
    caller = desk.caller(openStreams="1")
    caller.open_stream(20)
    caller.close()
    assert desk.telemetry.names() == ["open stream not released"]
    refused_stream(desk.caller(openStreams="1"))
    desk.clock.advance(25)
    desk.caller(openStreams="1").open_stream(20)


@pytest.mark.parametrize(("processes", "writes"), [(1, 0.04), (4, 0.1)])
def test_few_requests_of_a_busy_key_cost_a_write(processes: int, writes: float) -> None:
    fleet = Fleet(processes, KeyLimits(36_000, 600, 0, 1, 0))
    for _ in range(8 * 600):
        fleet.clock.advance(1 / 8)
        assert fleet.request(), "below the limit nobody is refused"
    assert fleet.takes <= writes * 8 * 600


@pytest.mark.parametrize("processes", [1, 4, 20])
def test_what_was_taken_ahead_lets_no_more_than_a_twentieth_more_through_in_a_minute(processes: int) -> None:
    fleet = Fleet(processes, KeyLimits(36_000, 600, 0, 1, 0))
    for second in range(600):
        for _ in range(fleet.random.choice((0, 2, 30))):
            fleet.request()
        fleet.clock.advance(59 if second % 100 == 99 else 1)
        if second % 100 == 99:
            granted = sum(fleet.request() for _ in range(2_000))
            fleet.clock.advance(60)
            granted += sum(fleet.request() for _ in range(2_000))
            assert 1_200 * 0.95 <= granted <= 1_200 * 1.05
            fleet.clock.advance(600)


def test_what_was_taken_ahead_is_of_use_for_a_minute_only() -> None:
    fleet = Fleet(1, KeyLimits(36_000, 600, 0, 1, 0))
    for _ in range(100):
        fleet.request()
    fleet.clock.advance(3_600)
    assert sum(fleet.request() for _ in range(700)) == 600


def test_near_the_limit_nobody_takes_ahead() -> None:
    fleet = Fleet(2, KeyLimits(36_000, 600, 0, 1, 0))
    assert sum(fleet.request() for _ in range(700)) == 600


def test_a_take_ahead_whose_answer_is_lost_lets_the_caller_through(desk: Desk) -> None:
    desk = Desk(KeyLimits(36_000, 600, 0, 1, 0))
    for n in range(4):
        desk.failpoints.fail("rates.take", StoreUnavailable("gone"), call=n + 3, after=True)
    for _ in range(20):
        desk.caller().count_request()
    assert desk.telemetry.names() == ["rate limit not checked"] * 4
