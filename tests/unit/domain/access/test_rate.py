"""The rules of rates: how many in which span, and exactly when the next one may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.access.rate import HOUR_US, KeyLimits, Rate, RateLimitKind, rate_of
from a2a_tasks.ports.rates import Bucket
from tests.twins.stores.rates import MemoryRates

NOW = 1_750_000_000_000_000
BUCKET = Bucket("key", RateLimitKind.REQUESTS)

rates = st.builds(Rate, st.integers(1, 10_000_000), st.integers(1, 50))
uses = st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 5)), max_size=40)
"""Gaps in milliseconds, and how many are taken then."""


@given(rates, uses, st.integers(1, 100))
def test_no_span_has_more_than_its_burst_and_its_share(
    rate: Rate, uses: list[tuple[int, int]], slower: int
) -> None:
    store, now, granted = MemoryRates(), NOW, list[tuple[int, int]]()
    for gap, count in uses:
        now += gap * 1_000 * slower
        if store.take(BUCKET, rate, count, now).is_granted:
            granted.append((now, count))
    for n, (start, _) in enumerate(granted):
        taken = 0
        for end, count in granted[n:]:
            taken += count
            assert taken * HOUR_US <= rate.burst * HOUR_US + rate.per_hour * (end - start)


@given(rates, uses)
def test_a_refusal_takes_nothing(rate: Rate, uses: list[tuple[int, int]]) -> None:
    store, now = MemoryRates(), NOW
    for gap, count in uses:
        now += gap * 1_000
        before = store.tats.get(BUCKET, 0)
        if not store.take(BUCKET, rate, count, now).is_granted:
            assert store.tats.get(BUCKET, 0) == before


@given(rates, st.integers(0, 200_000_000))
def test_what_is_free_can_be_taken_and_no_more(rate: Rate, ahead: int) -> None:
    tat = NOW + ahead
    free = rate.free(tat, NOW)
    assert 0 <= free <= rate.burst
    assert free == 0 or tat <= rate.latest(free, NOW)
    assert free == rate.burst or tat > rate.latest(free + 1, NOW)


@given(rates)
def test_the_wait_is_exact_to_the_millisecond(rate: Rate) -> None:
    store = MemoryRates()
    taking = store.take(BUCKET, rate, rate.burst, NOW)
    assert taking.is_granted
    milliseconds = -(-rate.wait(taking.tat, NOW) // 1_000)
    earlier, then = NOW + (milliseconds - 1) * 1_000, NOW + milliseconds * 1_000
    assert not store.take(BUCKET, rate, 1, earlier).is_granted
    assert store.take(BUCKET, rate, 1, then).is_granted


@given(rates, st.integers(1, 30))
def test_who_keeps_to_the_rate_is_never_refused(rate: Rate, count: int) -> None:
    store = MemoryRates()
    assert store.take(BUCKET, rate, rate.burst, NOW).is_granted
    assert all(store.take(BUCKET, rate, 1, NOW + n * rate.interval).is_granted for n in range(1, count))


def test_the_burst_is_whole_again_after_its_share_of_the_hour() -> None:
    rate = Rate(3_600, 200)
    tat = MemoryRates().take(BUCKET, rate, 200, NOW).tat
    assert tat - NOW == 200 * 1_000_000
    assert [rate.free(tat, NOW + seconds * 1_000_000) for seconds in (0, 1, 199, 200, 9_999)] == [
        0,
        1,
        199,
        200,
        200,
    ]


def test_a_limit_that_was_lowered_counts_at_once() -> None:
    before, after = Rate(3_600, 200), Rate(60, 2)
    tat = MemoryRates().take(BUCKET, before, 150, NOW).tat
    assert after.free(tat, NOW) == 0
    assert after.wait(tat, NOW) == 150_000_000 - 60_000_000


DEPLOYED = KeyLimits(36_000, 600, 3_600, 200)


@pytest.mark.parametrize(
    ("own", "requests", "creations"),
    [
        (KeyLimits(), Rate(36_000, 600), Rate(3_600, 200)),
        (KeyLimits(requests_per_hour=10), Rate(10, 600), Rate(3_600, 200)),
        (KeyLimits(creation_burst=1, creations_per_hour=2), Rate(36_000, 600), Rate(2, 1)),
        (KeyLimits(requests_per_hour=0), None, Rate(3_600, 200)),
    ],
)
def test_a_keys_own_limits_go_before_the_deployments(
    own: KeyLimits, requests: Rate | None, creations: Rate | None
) -> None:
    assert rate_of(RateLimitKind.REQUESTS, own, DEPLOYED) == requests
    assert rate_of(RateLimitKind.CREATIONS, own, DEPLOYED) == creations


def test_a_deployment_without_limits() -> None:
    deployed = KeyLimits(0, 600, 0, 200)
    assert rate_of(RateLimitKind.REQUESTS, KeyLimits(), deployed) is None
    assert rate_of(RateLimitKind.CREATIONS, KeyLimits(creations_per_hour=7), deployed) == Rate(7, 200)


@given(st.builds(KeyLimits, *[st.none() | st.integers(0, 10**9)] * 4))
def test_limits_survive_the_registry_and_the_gateway(limits: KeyLimits) -> None:
    named = limits.to_named()
    assert KeyLimits.from_named(named | {"projectId": "demo"}) == limits
    assert KeyLimits.from_named({name: str(value) for name, value in named.items()}) == limits
