"""The spans of a task, named as OpenTelemetry's conventions for generative AI ask.

The task's own span (``invoke_agent``) and those of its states are made from its record when it has ended, so
that they are complete whatever crashed in between. All others belong to the process that did the work.
"""

from collections.abc import Iterator, Mapping

from a2a_tasks.domain.history import timeline
from a2a_tasks.domain.ids import created_ms
from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.tracing.span import Span, SpanKind, Value
from a2a_tasks.domain.tracing.task_trace import TaskTrace, span_id
from a2a_tasks.domain.usage import Usage, total

PROVIDER = "anthropic"
HELD = frozenset({timeline.TimelineSpanKind.ATTEMPT, timeline.TimelineSpanKind.BATCH})
"""States in which a worker or a batch has the task."""
LOST_WORKER = "worker_lost"
"""The error of an attempt whose worker never wrote how it ended."""
CALL_AGENT = "call_agent"
"""The tool, whichever name the agent's definition has for it."""


def task_span_id(task_id: str) -> str:
    """The id of the task's own span, which all others are under."""
    return span_id(task_id, "task")


def attempt_span_id(task_id: str, fence: int) -> str:
    """The id of the span of what follows a claim."""
    return span_id(task_id, "attempt", fence)


def call_span_id(task_id: str, call_id: str) -> str:
    """The id of the span of a tool call that started another task. Workers change while it lasts, so the
    fence is no part of it."""
    return span_id(task_id, "call", call_id)


def span_of(
    task: Task,
    name: str,
    own_id: str,
    parent_id: str | None,
    times: tuple[int, int],
    attributes: Mapping[str, Value | None],
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    error: str | None = None,
) -> Span | None:
    """A span of the task, or None if its trace is not recorded. ``times`` are begin and end."""
    if task.trace is None or not task.trace.is_recorded:
        return None
    shared = {
        "gen_ai.agent.id": task.ref.agent_id,
        "gen_ai.conversation.id": task.context_id,
        "a2a_tasks.task.id": task.ref.task_id,
        "a2a_tasks.project.id": task.project_id,
        "error.type": error,
    }
    begun_at, ended_at = times
    return Span(
        task.trace.trace_id,
        own_id,
        parent_id,
        name,
        begun_at,
        # clocks of processes may differ, but a span must not end before it begins
        max(begun_at, ended_at),
        kind,
        shared | dict(attributes),
        error,
        task.trace.state,
    )


def submitted(task: Task, ended_at: int) -> Span | None:
    """Its acceptance."""
    task_id = task.ref.task_id
    times, parent = (task.created_at, ended_at), task_span_id(task_id)
    return span_of(task, "submit", span_id(task_id, "submit"), parent, times, {}, kind=SpanKind.PRODUCER)


def ended(task: Task) -> Iterator[Span | None]:
    """The spans of a task that has ended: its own, one for each attempt and wait, and that of the tool call
    that started it."""
    if task.trace is None or not task.trace.is_recorded or task.completed_at is None:
        return
    yield _whole(task, task.trace, task.completed_at)
    yield from _states(task)
    if task.parent is not None:
        yield _call(task, task.trace, task.completed_at)


def _whole(task: Task, trace: TaskTrace, at: int) -> Span | None:
    mine = total(entry for entry in task.known_spent if entry.task_id is None)
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.agent.name": task.ref.agent_id,
        "gen_ai.agent.version": str(task.agent_revision),
        "gen_ai.request.model": task.model,
        "a2a_tasks.task.status": task.status.value,
        "a2a_tasks.task.attempts": task.attempt,
        "a2a_tasks.task.turns": task.turns,
        "a2a_tasks.task.lane": task.lane.value,
        "a2a_tasks.cost_usd": None if mine.cost_usd is None else float(mine.cost_usd),
    }
    error = task.failure.code.value if task.failure else None
    name, own_id = f"invoke_agent {task.ref.agent_id}", task_span_id(task.ref.task_id)
    times = task.created_at, at
    return span_of(
        task, name, own_id, trace.parent_id, times, attributes | usage_attributes(mine), error=error
    )


def _states(task: Task) -> Iterator[Span | None]:
    """An attempt for each claim, and what the task waited for before and after it."""
    task_id, fence = task.ref.task_id, 0
    for number, state in enumerate(timeline.states_of(task)):
        times = state.started_at, state.ended_at or state.started_at
        if state.kind not in HELD:
            what = span_id(task_id, "wait", number)
            name = f"wait {state.name or 'input'}"
            yield span_of(task, name, what, task_span_id(task_id), times, {})
            continue
        fence += 1  # every claim raises it
        attributes = {
            "a2a_tasks.attempt": state.attempt,
            "a2a_tasks.fence": fence,
            "a2a_tasks.outcome": state.outcome,
        }
        # followed by another claim, so its worker died before writing an outcome
        error = LOST_WORKER if state.outcome == Status.RUNNING else state.code
        what, name = attempt_span_id(task_id, fence), state.kind.value
        yield span_of(task, name, what, task_span_id(task_id), times, attributes, error=error)


def _call(task: Task, trace: TaskTrace, at: int) -> Span | None:
    """The other task's tool call: it lasts as long as this one."""
    parent = task.parent
    if parent is None or trace.parent_id is None:
        return None
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": CALL_AGENT,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": parent.call_id,
        "gen_ai.agent.id": parent.ref.agent_id,
        "gen_ai.conversation.id": None,
        "a2a_tasks.task.id": parent.ref.task_id,
        "a2a_tasks.called_task.id": task.ref.task_id,
    }
    times = created_ms(task.ref.task_id), at
    error = task.failure.code.value if task.failure else None
    above = task_span_id(parent.ref.task_id)
    return span_of(task, f"execute_tool {CALL_AGENT}", trace.parent_id, above, times, attributes, error=error)


def usage_attributes(usage: Usage) -> dict[str, Value | None]:
    """Tokens. Those read from a cache or written to it are input tokens too."""
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens + cached,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens or None,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens or None,
    }
