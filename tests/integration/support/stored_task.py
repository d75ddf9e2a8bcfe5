"""Tasks put straight into a store, in any state that a test needs."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from a2a_tasks.domain import ids
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.guards import Guard, guard_of_worker
from a2a_tasks.domain.history import events
from a2a_tasks.domain.schedule import due_after_create
from a2a_tasks.domain.task import Outcome, Payload, Question, Status, Task, TaskRef
from a2a_tasks.domain.usage import Spent
from a2a_tasks.ports.tasks import Claim, InputRequest, Release, TaskStore, Written
from tests.integration.support.account import AGENT, PROJECT

NOW = 1_750_000_000_000
TIMEOUT_MS = 300_000
DAY_MS = 24 * 3_600_000
RETAINED_MS = 10 * 365 * DAY_MS
"""Longer than a real clock is behind ``NOW``."""
LEFT_MS = 120_000
WORKER = "worker-1"
ANYTHING = Guard(frozenset(Status))
QUESTION = Question("call-1", "Which city?")


def new_task(now: int = NOW, *, number: int = 0, agent_id: str = AGENT, **changes: Any) -> Task:
    """A pending task as ``submit`` makes it; ``number`` tells tasks of one moment apart."""
    random = hashlib.sha256(str(number).encode()).digest()[:10]
    task = Task(
        ref=TaskRef(agent_id, ids.task_id(now, random)),
        project_id=PROJECT,
        status=Status.PENDING,
        created_at=now,
        updated_at=now,
        deadline=now + TIMEOUT_MS,
        input=Payload(inline='{"message":"hello"}'),
        agent_revision=1,
        model="claude-sonnet-5-5",
        max_attempts=3,
        correlation_id="request-1",
        events=(events.accepted(now),),
    )
    task = replace(task, **changes)
    due_at = due_after_create(now, task.deadline, task.not_before)
    return replace(task, due_at=changes.get("due_at", due_at))


def numbers_of_shard(now: int, index: int, count: int) -> list[int]:
    """The first ``count`` numbers whose tasks of a moment fall into one shard of the indexes; from 100 on, so
    that a test has the ones before for other tasks."""
    falling = (n for n in itertools.count(100) if ids.shard(new_task(now, number=n).ref.task_id) == index)
    return list(itertools.islice(falling, count))


def created(store: TaskStore, now: int = NOW, **changes: Any) -> Task:
    task = new_task(now, **changes)
    store.create(task)
    return task


def claimed(store: TaskStore, task: Task, now: int, claim_id: str = "claim", held_by: str = WORKER) -> Task:
    """The task, running; a running one is taken from the worker that held it."""
    result = store.claim(task.ref, Claim(claim_id, now, held_by, task.fence, taken_from=task.held_by))
    assert isinstance(result, Written)
    return result.task


def outcome(status: Status, at: int = NOW, finish_id: str = "finish", **parts: Any) -> Outcome:
    return Outcome(status, at, finish_id, retain_until=at + RETAINED_MS, **parts)


def given_back(store: TaskStore, task: Task, **changes: Any) -> Task:
    """A running task, pending again; ``changes`` are parts of its release."""
    fields: dict[str, Any] = {
        "now": task.updated_at,
        "not_before": task.updated_at,
        "due_at": task.deadline,
        "spent": task.spent,
    }
    result = store.release(task.ref, task.fence, Release(**fields | changes))
    assert isinstance(result, Written)
    return result.task


def asking(store: TaskStore, task: Task, now: int, question: Question = QUESTION) -> Task:
    """The task, waiting for an answer for a day; two minutes are left to it then."""
    running = claimed(store, task, now)
    result = store.request_input(task.ref, running.fence, InputRequest(now, question, now + DAY_MS, LEFT_MS))
    assert isinstance(result, Written)
    return result.task


def completed(
    store: TaskStore, task: Task, now: int, output: Payload, spent: tuple[Spent, ...] | None = None
) -> Task:
    running = claimed(store, task, now)
    done = outcome(Status.COMPLETED, now, output=output, spent=spent)
    result = store.finish(task.ref, done, guard_of_worker(running.fence))
    assert isinstance(result, Written)
    return result.task


def failed(store: TaskStore, task: Task, now: int) -> Task:
    failure = Failure(FailureCode.EXECUTION_ERROR, "It broke.")
    result = store.finish(task.ref, outcome(Status.FAILED, now, failure=failure), ANYTHING)
    assert isinstance(result, Written)
    return result.task


def canceled(store: TaskStore, task: Task, now: int) -> Task:
    result = store.finish(task.ref, outcome(Status.CANCELED, now), ANYTHING)
    assert isinstance(result, Written)
    return result.task


STATES: dict[Status, Callable[[TaskStore, Task, int], Task]] = {
    Status.PENDING: lambda _, task, __: task,
    Status.RUNNING: claimed,
    Status.INPUT_REQUIRED: asking,
    Status.COMPLETED: lambda store, task, now: completed(store, task, now, Payload(inline='{"result":"42"}')),
    Status.FAILED: failed,
    Status.CANCELED: canceled,
}
"""How to bring a pending task into each state."""


def guard_name(guard: object) -> str:
    """Of a guard, for a test's name: the same in every process, in whatever order it keeps a set."""
    if not isinstance(guard, Guard):
        return str(guard)
    return f"{sorted(guard.statuses)} {replace(guard, statuses=frozenset())}"
