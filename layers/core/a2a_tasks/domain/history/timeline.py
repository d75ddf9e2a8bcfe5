"""A task's timeline: its waits and attempts, their turns and tools, with times.

It is derived from the task's events and the steps of its records. Tools of a task run one at a time, so each
begins when the previous one has ended, or when the worker claimed the task.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from a2a_tasks.domain.history.event import EventType, NumberedEvent
from a2a_tasks.domain.history.events import events_after, last_number
from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.record_keys import turn_number
from a2a_tasks.domain.task import Lane, Status, Task, TaskRef
from a2a_tasks.domain.usage import Usage, bill, total_of

TOLD = frozenset({EventType.PROGRESS, EventType.ARTIFACT})
"""Events that are shown as such; the others are in the spans."""


class TimelineSpanKind(StrEnum):
    """Kind of a part of the timeline."""

    WAIT = "wait"  # no worker held it; the name says what it waited for
    ATTEMPT = "attempt"  # a worker held it
    BATCH = "batch"  # a Message Batch held it
    TURN = "turn"  # the model's reply, from the request on
    TOOL = "tool"
    CHILD = "child"  # a task that it started
    QUESTION = "question"  # it waited for its caller's answer
    EVENT = "event"  # a moment: progress that the agent reported, or an artifact


@dataclass(frozen=True)
class TimelineSpan:
    """One part of a task's timeline. Times are Unix milliseconds."""

    kind: TimelineSpanKind
    started_at: int
    ended_at: int | None = None
    """None while it lasts."""
    name: str | None = None
    """The tool, the kind of event, or what a wait was for: ``start``, or an event's ``PendingReason``."""
    attempt: int | None = None
    turn: int | None = None
    model: str | None = None
    usage: Usage | None = None
    outcome: str | None = None
    """``ok`` or ``error`` of a tool, a task's status, or the ``PendingReason`` of a worker that released
    it."""
    code: str | None = None
    """Of the failure that ended an attempt."""
    ref: TaskRef | None = None
    """The task that was started."""


def spans_of(
    task: Task,
    steps: Sequence[tuple[str, Step]],
    children: Mapping[TaskRef, Task],
    *,
    is_cut: bool = False,
) -> tuple[TimelineSpan, ...]:
    """A task's timeline, ordered by time.

    Args:
        task: The task.
        steps: Its records' steps by key.
        children: Tasks that it has started, as far as they exist.
        is_cut: There are more steps, so the last one is unknown.
    """
    events = events_after(task, 0, last_number(task.events)).events
    told = (_moment(event) for event in events if event.type in TOLD)
    states = [(event.at, _status(event)) for event in events if event.type is EventType.STATUS]
    taken_on = [at for at, status in states if status is Status.RUNNING]
    ended_at_work = task.is_terminal and len(states) > 1 and states[-2][1] is Status.RUNNING
    work = _Work(task, taken_on, children, ended_at_work)
    found = [*states_of(task), *work.spans(steps, is_cut=is_cut), *told]
    return tuple(sorted(found, key=lambda span: span.started_at))


def _status(event: NumberedEvent) -> Status | None:
    return Status(event.details["status"]) if event.type is EventType.STATUS else None


def _moment(event: NumberedEvent) -> TimelineSpan:
    return TimelineSpan(TimelineSpanKind.EVENT, event.at, event.at, name=event.type.value)


def states_of(task: Task) -> Iterator[TimelineSpan]:
    """A span for each state in order, but for the last if that is final."""
    events = events_after(task, 0, last_number(task.events)).events
    changes = [event for event in events if event.type is EventType.STATUS]
    for change, then in pairwise([*changes, None]):
        if change is not None:
            yield from _state(task, change, then)


def _state(task: Task, change: NumberedEvent, then: NumberedEvent | None) -> Iterator[TimelineSpan]:
    ended_at = then.at if then else None
    match _status(change):
        case Status.PENDING:
            yield TimelineSpan(
                TimelineSpanKind.WAIT, change.at, ended_at, name=change.details.get("reason", "start")
            )
        case Status.INPUT_REQUIRED:
            yield TimelineSpan(TimelineSpanKind.QUESTION, change.at, ended_at)
        case Status.RUNNING:
            kind = TimelineSpanKind.BATCH if task.lane is Lane.BATCH else TimelineSpanKind.ATTEMPT
            known = then.details if then else {}
            yield TimelineSpan(
                kind,
                change.at,
                ended_at,
                attempt=change.details["attempt"],
                outcome=known.get("reason", known.get("status")),
                code=known.get("code"),
            )


@dataclass(frozen=True)
class _Work:
    """Turns and tools of a task."""

    task: Task
    taken_on: list[int]
    """The moments of its claims."""
    children: Mapping[TaskRef, Task]
    ended_at_work: bool
    """It has ended while a worker held it."""

    def spans(self, steps: Sequence[tuple[str, Step]], *, is_cut: bool) -> Iterator[TimelineSpan]:
        """In order."""
        # within a turn, keys of tools sort by their ids
        in_order = sorted(steps, key=lambda found: (turn_number(found[0]), _is_tool(found), found[1].at))
        before = self.task.created_at
        for key, step in in_order:
            begun = self._begun(before, step.at)
            yield self._span(turn_number(key), step, begun)
            before = max(before, step.at)
        if not is_cut:
            yield from self._last(in_order, before)

    def _begun(self, before: int, until: int) -> int:
        """When the step began that follows the moment ``before``, no later than ``until``."""
        place = bisect_right(self.taken_on, until)
        return max(before, self.taken_on[place - 1]) if place else before

    def _span(self, turn: int, step: Step, begun: int) -> TimelineSpan:
        if step.child is not None:
            return self._child(turn, step, step.child, begun)
        span = TimelineSpan(TimelineSpanKind.TURN, begun, step.at, attempt=step.attempt, turn=turn)
        if step.tool is None:
            return with_usage(span, step.used)
        span = replace(span, kind=TimelineSpanKind.TOOL, name=step.tool)
        if step.is_open:
            return replace(span, started_at=step.at, ended_at=self.task.completed_at)
        return replace(span, outcome="error" if step.is_error else "ok")

    def _child(self, turn: int, step: Step, ref: TaskRef, begun: int) -> TimelineSpan:
        ended_at = None if step.is_open else step.at
        span = TimelineSpan(
            TimelineSpanKind.CHILD, begun, ended_at, name=step.tool, attempt=step.attempt, turn=turn, ref=ref
        )
        child = self.children.get(ref)
        if child is None:
            return span
        return replace(
            span, started_at=child.created_at, ended_at=child.completed_at, outcome=child.status.value
        )

    def _last(self, steps: Sequence[tuple[str, Step]], before: int) -> Iterator[TimelineSpan]:
        """The step under way, or the turn that ended the task, which no record has: its usage is what is
        left, turns that were cut off included."""
        task = self.task
        turn = turn_number(steps[-1][0]) if steps else 0
        span = TimelineSpan(
            TimelineSpanKind.TURN,
            self._begun(before, task.completed_at or task.updated_at),
            task.completed_at,
            attempt=task.attempt,
            turn=turn + 1,
        )
        if task.status is Status.RUNNING and task.lane is not Lane.BATCH:
            if not _has_open_calls(steps):
                yield span
            elif not steps[-1][1].is_open:
                yield replace(span, kind=TimelineSpanKind.TOOL, name=task.progress.tool, turn=turn)
        elif self.ended_at_work:
            rest = _rest(task, [step for _, step in steps])
            if total_of(rest).has_tokens or (task.status is Status.COMPLETED and not steps):
                yield with_usage(span, rest)


def with_usage(span: TimelineSpan, used: Mapping[str, Usage]) -> TimelineSpan:
    """The span of a turn with its usage. If several models have answered, it names the last."""
    return replace(span, usage=total_of(used), model=list(used)[-1]) if used else span


def _is_tool(found: tuple[str, Step]) -> bool:
    return found[1].tool is not None


def _has_open_calls(steps: Sequence[tuple[str, Step]]) -> bool:
    """Whether the last turn's tools have not all got their results."""
    if not steps:
        return False
    turn = turn_number(steps[-1][0])
    last = [step for key, step in steps if turn_number(key) == turn]
    calls = sum(step.calls for step in last)
    return sum(step.tool is not None and not step.is_open for step in last) < calls


def _rest(task: Task, steps: Sequence[Step]) -> dict[str, Usage]:
    """What the task's own turns used, by model, without those of its saved turns."""
    rest = bill(task.spent)
    for step in steps:
        for model, usage in step.used.items():
            if model in rest:
                rest[model] = rest[model] - usage
    return {model: usage for model, usage in rest.items() if usage.has_tokens}
