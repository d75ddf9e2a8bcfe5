"""Backoff: when to retry after an overload, and when to give up."""

import math
from dataclasses import dataclass

from a2a_tasks.domain.backoff import backoff
from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Task

BASE_SECONDS = 1.0
MAX_SECONDS = 900.0
JITTER = 0.5


@dataclass(frozen=True)
class NextTry:
    """When the next attempt starts."""

    seconds: int
    """From now."""
    not_before: int
    """``seconds`` from now, in Unix milliseconds."""


def next_try(
    task: Task, failure: Failure, now: int, retry_after: float | None, random: float
) -> NextTry | Failure:
    """When to retry a running task after ``failure``.

    Args:
        task: The running task.
        failure: Why this attempt failed.
        now: Unix milliseconds.
        retry_after: Seconds that the server asked for, if it did.
        random: In [0, 1), for jitter.

    Returns:
        The next attempt, or the final failure if this was the last attempt or the next would start after the
        deadline.
    """
    if (last := last_attempt(task, failure)) is not None:
        return last
    return in_time(task, failure, now, delay_seconds(task.attempt, retry_after, random))


def in_time(task: Task, failure: Failure, now: int, seconds: int) -> NextTry | Failure:
    """The next attempt after ``seconds``, or the final failure if that is after the deadline."""
    not_before = now + seconds * 1000
    # failed now with the actual error; at the deadline it would only be a timeout
    if not_before >= task.deadline:
        problem = f"The next try, in {seconds} s, would come after the task's deadline."
        return Failure(failure.code, f"{failure.message} ({problem})")
    return NextTry(seconds, not_before)


def last_attempt(task: Task, failure: Failure) -> Failure | None:
    """The final failure if this was the last attempt, else None."""
    if not task.attempts_are_used_up():
        return None
    problem = f"Attempt {task.attempt} of {task.max_attempts}, the last."
    return Failure(failure.code, f"{failure.message} ({problem})")


def delay_seconds(attempt: int, retry_after: float | None, random: float) -> int:
    """Delay after the ``attempt``-th failure (from 1), in whole seconds as SQS takes them.

    Exponential backoff from 1 s, or ``retry_after`` if longer, plus jitter of up to half the backoff
    (``random`` in [0, 1)), so that tasks rejected together do not come back together.
    """
    grown = backoff(attempt - 1, BASE_SECONDS, MAX_SECONDS)
    wait = max(retry_after or 0.0, grown)
    # never shorter than the server asked for: jitter is only added
    return math.ceil(wait + random * JITTER * grown)
