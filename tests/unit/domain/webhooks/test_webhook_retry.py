"""When a notification is tried again: doubling, never all at once, and to the end of its span exactly."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.webhooks.retry import MAX_ASKED_SECONDS, asked_seconds, next_try_seconds

NOW = 1_767_225_600_000
HOUR_MS = 3_600_000
SPAN_MS = 24 * HOUR_MS
MAX_HIDDEN_SECONDS = 43_200  # of SQS, from the moment of the receipt
FRACTION = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 5), (2, 10), (3, 20), (8, 640), (12, 10_240), (13, 10_800), (500, 10_800)]
)
def test_it_doubles_from_five_seconds_to_three_hours(tries: int, seconds: int) -> None:
    assert next_try_seconds(tries, SPAN_MS, None, 0.0) == seconds


def test_what_failed_together_comes_back_spread() -> None:
    waits = [next_try_seconds(5, SPAN_MS, 60.0, n / 20) for n in range(20)]
    assert waits[0] == 80
    assert len(set(waits)) == 20


@given(st.integers(1, 1_000), st.integers(0, SPAN_MS), st.none() | st.floats(0, 1e9), FRACTION)
def test_every_wait_is_one_that_the_queue_can_keep(
    tries: int, left_ms: int, asked: float | None, random: float
) -> None:
    wait = next_try_seconds(tries, left_ms, asked, random)
    assert (wait is None) == (left_ms < 1_000)
    if wait is not None:
        assert 1 <= wait <= MAX_HIDDEN_SECONDS - 900
        assert wait * 1_000 <= left_ms


@given(st.integers(1, 72), FRACTION)
def test_tries_go_on_to_the_end_of_the_span_and_no_further(hours: int, random: float) -> None:
    span, elapsed, tries = hours * HOUR_MS, 0, 1
    while (wait := next_try_seconds(tries, span - elapsed, None, random)) is not None:
        elapsed += wait * 1_000
        tries += 1
    assert elapsed == span
    assert tries < 100, "far fewer than the receives after which the queue itself gives up"


@pytest.mark.parametrize(("asked", "seconds"), [(0.0, 5), (60.0, 60), (60.5, 61), (1e9, 21_600)])
def test_what_the_receiver_asks_for_counts_within_bounds(asked: float, seconds: int) -> None:
    assert next_try_seconds(1, SPAN_MS, asked, 0.0) == seconds


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_receiver_says_when_in_seconds_or_as_a_date(status: int) -> None:
    then = format_datetime(datetime.fromtimestamp(NOW / 1000 + 90, UTC), usegmt=True)
    assert asked_seconds(status, "120", NOW) == 120
    assert asked_seconds(status, " 0 ", NOW) == 0
    assert asked_seconds(status, then, NOW) == 90
    assert asked_seconds(status, "Thu, 01 Jan 2026 00:01:00 -0000", NOW) == 60
    assert asked_seconds(status, "Wed, 21 Oct 2015 07:28:00 GMT", NOW) == 0
    assert asked_seconds(status, None, NOW) is None


@pytest.mark.parametrize("status", [200, 301, 400, 404, 410, 500])
def test_others_do_not(status: int) -> None:
    assert asked_seconds(status, "120", NOW) is None


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1.5", "٣", "2026-01-01", "Mon, 99 Foo 2026 00:00:00 GMT"]
)
def test_what_nobody_understands_is_nothing_asked_for(text: str) -> None:
    assert asked_seconds(503, text, NOW) is None


@pytest.mark.parametrize(
    "text", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 9999 00:00:00 +2300"]
)
def test_too_much_is_bounded(text: str) -> None:
    assert asked_seconds(503, text, NOW) == MAX_ASKED_SECONDS


@given(st.text(max_size=60))
def test_no_header_breaks_it(text: str) -> None:
    asked = asked_seconds(503, text, NOW)
    assert asked is None or 0 <= asked <= MAX_ASKED_SECONDS
