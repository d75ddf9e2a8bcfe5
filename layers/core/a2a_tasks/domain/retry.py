"""When to try an overloaded model again, and when no longer."""

import math
from dataclasses import dataclass

from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.task import Task

BASE_SECONDS = 1.0
MAX_SECONDS = 900.0
JITTER = 0.5


@dataclass(frozen=True)
class NextTry:
    """``seconds`` from now, which is ``not_before`` in Unix milliseconds."""

    seconds: int
    not_before: int


def next_try(
    task: Task, failure: Failure, now: int, retry_after: float | None, random: float
) -> NextTry | Failure:
    """When a running task is tried again after ``failure``, or the failure that it ends with: where this was
    the last attempt, or the next would come after its deadline. The rest is as for ``delay_seconds``."""
    if (last := last_attempt(task, failure)) is not None:
        return last
    return in_time(task, failure, now, delay_seconds(task.attempt, retry_after, random))


def in_time(task: Task, failure: Failure, now: int, seconds: int) -> NextTry | Failure:
    """The next try in so many seconds, or the failure that the task ends with where that would come after
    its deadline."""
    not_before = now + seconds * 1000
    if not_before >= task.deadline:
        problem = f"The next try, in {seconds} s, would come after the task's deadline."
        return Failure(failure.code, f"{failure.message} ({problem})")
    return NextTry(seconds, not_before)


def last_attempt(task: Task, failure: Failure) -> Failure | None:
    """The failure that a running task ends with where this was its last attempt."""
    if not task.attempts_are_used_up():
        return None
    problem = f"Attempt {task.attempt} of {task.max_attempts}, the last."
    return Failure(failure.code, f"{failure.message} ({problem})")


def delay_seconds(attempt: int, retry_after: float | None, random: float) -> int:
    """Whole seconds to wait after the ``attempt``-th failure (1, 2, …).

    At least what the server asked for (``retry-after``), else 1 s doubling, plus up to half of it (``random``
    in [0, 1)), so that tasks rejected together do not come back together. Whole seconds are what SQS takes.
    """
    backoff = min(MAX_SECONDS, BASE_SECONDS * 2.0 ** (attempt - 1))
    wait = max(retry_after or 0.0, backoff)
    return math.ceil(wait + random * JITTER * backoff)
