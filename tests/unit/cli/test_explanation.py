"""Why a task is where it is, in sentences."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Lane, Progress, Question, Slot, Status, Task, TaskRef
from a2actl.tasks.explanation import PAGES, Surroundings, explain
from tests.integration.support.stored_task import NOW, new_task

LATER = NOW + 60_000
CHILD = TaskRef("researcher", "0197a4e0-0000-7000-8000-000000000001")


def told(around: dict[str, Any] | None = None, **changes: Any) -> str:
    task: Task = replace(new_task(paused_ms=60_000), **changes)
    return explain(task, Surroundings(NOW, **(around or {})))


@pytest.mark.parametrize(
    ("changes", "around", "words"),
    [
        ({}, {"queued": 7}, "waits for a worker; that queue has about 7 messages"),
        ({"attempt": 1}, {}, "waits for a worker for attempt 2 of 3"),
        ({"not_before": LATER}, {}, "Its caller has delayed it; it starts at 2025-06-15T15:07:40"),
        ({"not_before": LATER, "attempt": 1}, {}, "Attempt 1 of 3 failed; the next starts at"),
        (
            {"not_before": LATER, "throttled_calls": 3},
            {},
            "its calls 3 times; the next call is at",
        ),
        ({"throttled_calls": 1}, {}, "throttled its calls once; it is being retried"),
        (
            {"awaits": (CHILD,)},
            {},
            f"and continues when they have ended: {CHILD.task_id}",
        ),
        ({"lane": Lane.BATCH}, {}, "waits for the next Message Batch"),
        ({"undelivered": Undelivered(2, NOW)}, {}, "was dead-lettered 2 times"),
        ({}, {"slots": 5, "held": 5}, "All 5 slots of its agent are in use"),
        ({"slot": Slot(0, 0, NOW)}, {"slots": 5, "held": 5}, "It has a slot"),
    ],
)
def test_a_pending_task_says_what_it_waits_for(changes: Any, around: Any, words: str) -> None:
    sentences = told(around, **changes)
    assert words in sentences
    assert sentences.endswith("if it has not started by then.")


def test_one_whose_run_clock_goes_on_must_end_by_then() -> None:
    assert told(paused_ms=None, attempt=1).endswith("if it has not ended by then.")


def test_a_running_task_says_what_it_does_and_until_when_its_worker_lives() -> None:
    lease = Lease("worker-1", LATER)
    running = {"status": Status.RUNNING, "attempt": 1, "turns": 2, "progress": Progress(tool="WebSearch")}
    sentences = told({"lease": lease}, **running)
    assert "(attempt 1 of 3, turn 3, WebSearch); its lease is valid until 2025-06-15T15:07:40" in sentences


OVER, BROKEN = Lease("worker-1", NOW - 10_000), Lease("worker-1", LATER, is_broken=True)


@pytest.mark.parametrize("lease", [None, OVER, BROKEN])
def test_a_lost_worker_is_said(lease: Lease | None) -> None:
    sentences = told({"lease": lease}, status=Status.RUNNING, attempt=1)
    assert sentences.startswith("Its worker died in attempt 1 of 3, turn 1")
    assert "another within a minute" in sentences


def test_a_batch_is_no_worker() -> None:
    sentences = told(status=Status.RUNNING, lane=Lane.BATCH, held_by="batch-1", attempt=1)
    assert sentences.startswith("Its turn is in Message Batch batch-1")


def test_a_question_waits_for_its_caller() -> None:
    sentences = told(status=Status.INPUT_REQUIRED, question=Question("call", "Which city?"))
    assert sentences.startswith("It waits for its caller's answer, and fails at ")


def test_a_deadline_that_has_passed_goes_before_all_else() -> None:
    assert told(deadline=NOW - 1, awaits=(CHILD,)).startswith("Its deadline passed at ")


def test_an_end_says_how_long_it_took() -> None:
    times: dict[str, Any] = {"started_at": NOW + 5_000, "completed_at": NOW + 65_000}
    assert told(status=Status.COMPLETED, **times) == (
        "It completed, after 1 min 05 s, of which 5 s to its first start."
    )
    assert "without ever starting" in told(status=Status.CANCELED, completed_at=NOW + 65_000)
    assert "may not have stopped yet" in told(status=Status.CANCELED, held_by="worker-1", **times)


@pytest.mark.parametrize("code", FailureCode)
def test_each_failure_leads_to_a_page_and_to_a_retry(code: FailureCode) -> None:
    failure = Failure(code, "It broke.")
    sentences = told(status=Status.FAILED, failure=failure, completed_at=NOW)
    assert f"It broke ({code.value}; see docs/runbook/{PAGES[code]}.md)" in sentences
    assert f"a2actl tasks retry {new_task().ref.task_id}" in sentences
