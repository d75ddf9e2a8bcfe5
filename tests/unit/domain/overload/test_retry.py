"""Delays before another attempt: what the server asked for, or doubling, never all at the same moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.overload.retry import MAX_SECONDS, NextTry, delay_seconds, next_try
from a2a_tasks.domain.task import Task
from tests.twins.one_agent import OneAgent

OVERLOADED = Failure(FailureCode.MODEL_OVERLOADED, "Overloaded.")
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


def running(attempt: int, seconds_left: float = 60) -> tuple[Task, int]:
    """A task in this attempt of three, and the moment with so much time left."""
    task = OneAgent().new(attempt=attempt, max_attempts=3)
    return task, task.deadline - round(seconds_left * 1000)


def test_the_next_try_is_that_much_later() -> None:
    task, now = running(attempt=2)
    assert next_try(task, OVERLOADED, now, 7.0, 0.0) == NextTry(7, now + 7_000)


def test_after_the_last_attempt_there_is_none() -> None:
    task, now = running(attempt=3)
    assert next_try(task, OVERLOADED, now, None, 0.0) == Failure(
        FailureCode.MODEL_OVERLOADED, "Overloaded. (Attempt 3 of 3, the last.)"
    )


@pytest.mark.parametrize(("seconds_left", "is_last"), [(7.0, True), (7.001, False)])
def test_none_begins_at_the_deadline(seconds_left: float, is_last: bool) -> None:
    task, now = running(1, seconds_left)
    then = next_try(task, OVERLOADED, now, 7.0, 0.0)
    message = "Overloaded. (The next try, in 7 s, would come after the task's deadline.)"
    assert (then == Failure(FailureCode.MODEL_OVERLOADED, message)) == is_last
