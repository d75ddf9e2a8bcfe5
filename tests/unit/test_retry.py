"""Delays before another attempt: what the server asked for, or doubling, never all at the same moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.retry import MAX_SECONDS, delay_seconds

FRACTION = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_it_doubles_from_one_second(attempt: int, seconds: int) -> None:
    assert delay_seconds(attempt, None, 0.0) == seconds


@given(st.integers(1, 40), st.none() | st.floats(0, 5_000), FRACTION)
def test_it_is_whole_seconds_at_least_what_was_asked(
    attempt: int, retry_after: float | None, random: float
) -> None:
    wait = delay_seconds(attempt, retry_after, random)
    assert isinstance(wait, int)
    assert wait >= 1
    assert wait >= (retry_after or 0)
    assert wait <= max(retry_after or 0, MAX_SECONDS) + MAX_SECONDS / 2 + 1


@given(st.integers(1, 40), FRACTION, FRACTION)
def test_more_chance_never_shortens_it(attempt: int, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert delay_seconds(attempt, None, less) <= delay_seconds(attempt, None, more)


def test_tasks_rejected_together_come_back_spread() -> None:
    waits = {delay_seconds(4, 30.0, n / 20) for n in range(20)}
    assert waits == {30, 31, 32, 33, 34}


def test_a_long_row_of_attempts_stays_bounded() -> None:
    assert delay_seconds(60, None, 0.0) == 900
