"""Sentences that say why a task is in its state, and what happens next."""

from collections.abc import Callable
from dataclasses import dataclass

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.task import Lane, Status, Task, iso8601
from a2actl.terminal.amount import counted
from a2actl.terminal.duration import format_elapsed

PAGES = {
    FailureCode.TIMEOUT: "tasks-fail",
    FailureCode.QUEUE_TIMEOUT: "tasks-wait",
    FailureCode.EXECUTION_ERROR: "tasks-fail",
    FailureCode.MODEL_OVERLOADED: "model-overloaded",
    FailureCode.MODEL_REFUSED: "tasks-fail",
    FailureCode.OUTPUT_TRUNCATED: "tasks-fail",
    FailureCode.MAX_TURNS_EXCEEDED: "tasks-fail",
    FailureCode.BUDGET_EXCEEDED: "spend",
    FailureCode.WORKER_LOST: "functions-fail",
    FailureCode.REJECTED: "tasks-fail",
    FailureCode.AGENT_MISCONFIGURED: "agents-misconfigured",
}
"""The runbook's page for each reason of a failure."""


@dataclass(frozen=True)
class Surroundings:
    """What else decides. ``lease`` is its worker's, while it runs; ``slots`` the agent's limit, of which
    ``held`` are taken; ``queued`` are the messages that wait where its own does; ``now`` in Unix
    milliseconds."""

    now: int
    lease: Lease | None = None
    slots: int | None = None
    held: int = 0
    queued: int = 0


def explain(task: Task, around: Surroundings) -> str:
    """Two or three sentences."""
    if task.is_expired(around.now):
        return (
            f"Its deadline passed at {iso8601(task.deadline)}; the sweeper fails it within a minute,"
            " or the next read does."
        )
    by_status: dict[Status, Callable[[Task, Surroundings], str]] = {
        Status.PENDING: _pending,
        Status.RUNNING: _running,
        Status.INPUT_REQUIRED: _asks,
        Status.COMPLETED: _completed,
        Status.FAILED: _failed,
        Status.CANCELED: _canceled,
    }
    return by_status[task.status](task, around)


def _pending(task: Task, around: Surroundings) -> str:
    outcome = f"It fails at {iso8601(task.deadline)} if it has not started by then."
    if not task.waits_for_start:
        outcome = f"It fails at {iso8601(task.deadline)} if it has not ended by then."
    return f"{_why_pending(task, around)} {outcome}"


def _why_pending(task: Task, around: Surroundings) -> str:
    if task.awaits:
        started = ", ".join(ref.task_id for ref in task.awaits)
        return f"It waits for tasks that it started, and continues when they have ended: {started}."
    if task.lane is Lane.BATCH:
        return "It waits for the next Message Batch; the batcher submits batches every minute."
    if task.not_before > around.now:
        return _too_early(task)
    if task.throttled_calls:
        return f"Claude has throttled its calls {_times(task.throttled_calls)}; it is being retried."
    if task.undelivered is not None:
        at = iso8601(task.undelivered.resent_at)
        return f"Its message was dead-lettered {_times(task.undelivered.times)}; it was sent again for {at}."
    if around.slots is not None and around.held >= around.slots and task.slot is None:
        return f"All {around.slots} slots of its agent are in use; it gets one in order of priority and age."
    if task.slot is not None:
        return "It has a slot; the next free worker takes it."
    again = f" for attempt {task.attempt + 1} of {task.max_attempts}" if task.attempt else ""
    return f"Its message waits for a worker{again}; that queue has about {counted(around.queued, 'message')}."


def _too_early(task: Task) -> str:
    at = iso8601(task.not_before)
    if task.throttled_calls:
        return f"Claude has throttled its calls {_times(task.throttled_calls)}; the next call is at {at}."
    if task.attempt:
        return f"Attempt {task.attempt} of {task.max_attempts} failed; the next starts at {at}."
    return f"Its caller has delayed it; it starts at {at}."


def _running(task: Task, around: Surroundings) -> str:
    end = f"It fails at {iso8601(task.deadline)} if it has not ended by then."
    if task.lane is Lane.BATCH:
        return f"Its turn is in Message Batch {task.held_by}; the batcher checks it every minute. {end}"
    doing = f"turn {task.turns + 1}" + (f", {task.progress.tool}" if task.progress.tool else "")
    attempt = f"attempt {task.attempt} of {task.max_attempts}, {doing}"
    if around.lease is None or around.lease.is_over(around.now):
        return (
            f"Its worker died in {attempt}: its lease has expired. The sweeper, or the next"
            " delivery of its message, gives it to another within a minute, or fails it if that was the last"
            " attempt."
        )
    return (
        f"A worker is executing it ({attempt}); its lease is valid until {iso8601(around.lease.until)}. {end}"
    )


def _asks(task: Task, _: Surroundings) -> str:
    return f"It waits for its caller's answer, and fails at {iso8601(task.deadline)} without one."


def _completed(task: Task, _: Surroundings) -> str:
    return f"It completed, {_took(task)}."


def _failed(task: Task, _: Surroundings) -> str:
    if task.failure is None:
        return f"It has failed, {_took(task)}, and no reason was recorded."
    page = PAGES.get(task.failure.code, "tasks-fail")
    return (
        f"It has failed, {_took(task)}: {task.failure.message.rstrip('.')} ({task.failure.code.value};"
        f" see docs/runbook/{page}.md). `a2actl tasks retry {task.ref.task_id}` submits it again as a"
        " new task."
    )


def _canceled(task: Task, _: Surroundings) -> str:
    still = " Its worker may not have stopped yet." if task.held_by else ""
    return f"It was canceled, {_took(task)}.{still}"


def _took(task: Task) -> str:
    """Such as ``after 2 min 05 s, of which 3 s until its first start``."""
    ended = task.completed_at or task.updated_at
    whole = f"after {format_elapsed((ended - task.created_at) / 1000)}"
    if task.started_at is None:
        return f"{whole}, without ever starting"
    return (
        f"{whole}, of which {format_elapsed((task.started_at - task.created_at) / 1000)} to its first start"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
