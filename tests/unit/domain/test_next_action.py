"""What is next for a task: one table, which the worker and the sweeper share."""

from typing import Any

import pytest

from a2a_tasks.domain.schedule import NextAction, claimable, next_action
from a2a_tasks.domain.task import TERMINAL, Lane, Payload, Question, Status, Task, TaskRef

NOW = 1_000_000
DEADLINE = NOW + 300_000
OTHER = TaskRef("reader", "017f22e2-79b0-7cc3-98c4-dc0c0c073990")
RUNNING: dict[str, Any] = {"status": Status.RUNNING, "fence": 1, "attempt": 1}
LAST_TRY: dict[str, Any] = RUNNING | {"attempt": 3}
ASKING: dict[str, Any] = {"status": Status.INPUT_REQUIRED, "question": Question("call", "Which?")}
BATCHED: dict[str, Any] = {"lane": Lane.BATCH}
LIVE = [{}, {"not_before": DEADLINE + 1}, {"awaits": (OTHER,)}, RUNNING, LAST_TRY, ASKING, BATCHED]


def task(**parts: Any) -> Task:
    plain: dict[str, Any] = {
        "ref": TaskRef("writer", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        "project_id": "demo",
        "status": Status.PENDING,
        "created_at": NOW,
        "updated_at": NOW,
        "deadline": DEADLINE,
        "input": Payload(inline="{}"),
        "agent_revision": 1,
        "model": "m",
        "max_attempts": 3,
        "correlation_id": "c",
    }
    return Task(**plain | parts)


@pytest.mark.parametrize(
    ("parts", "at", "action"),
    [
        ({}, NOW, NextAction.START),
        ({"not_before": NOW + 1}, NOW, NextAction.WAIT_FOR_START),
        ({"not_before": NOW + 1}, NOW + 1, NextAction.START),
        ({"awaits": (OTHER,)}, NOW, NextAction.WAKE),
        ({"awaits": (OTHER,), "not_before": NOW + 1}, NOW, NextAction.WAKE),
        (RUNNING, NOW, NextAction.TAKE_OVER),
        (LAST_TRY, NOW, NextAction.FAIL_LOST),
        (ASKING, NOW, NextAction.WAIT_FOR_ANSWER),
        (BATCHED, NOW, NextAction.LEAVE_TO_BATCHER),
        (RUNNING | BATCHED, NOW, NextAction.LEAVE_TO_BATCHER),
        *[(parts, DEADLINE - 1, None) for parts in LIVE],
        *[(parts, DEADLINE, NextAction.EXPIRE) for parts in LIVE],
        *[({"status": status}, at, NextAction.NOTHING) for status in TERMINAL for at in (NOW, DEADLINE)],
    ],
)
def test_next(parts: dict[str, Any], at: int, action: NextAction | None) -> None:
    """``None``: anything but the end."""
    found = next_action(task(**parts), at)

    assert found is action if action else found not in (NextAction.EXPIRE, NextAction.NOTHING)


@pytest.mark.parametrize("at", [NOW, DEADLINE])
@pytest.mark.parametrize("parts", [part for part in LIVE if part is not BATCHED])
def test_a_worker_takes_what_starts_or_is_taken_over_and_nothing_else(parts: dict[str, Any], at: int) -> None:
    found = next_action(task(**parts), at)

    assert claimable(task(**parts), at) == (found in (NextAction.START, NextAction.TAKE_OVER))
