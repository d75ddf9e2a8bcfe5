"""The event of each change of a task, where it is stored, and how it is read.

Every write is billed by the size of the whole item, so events are short and their list is bounded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.history.event import Event, EventType, IndexedEvent, NumberedEvent, PendingReason
from a2a_tasks.domain.task import Outcome, Progress, Status, Task

FULL = 250
"""From this length on, a worker's event replaces its previous one."""
REPLACEABLE = frozenset({EventType.TURN, EventType.TOOL, EventType.PROGRESS})
"""Types that may be replaced. Status changes and artifacts are always kept; the limit of turns bounds
their number."""
IN_VAIN = frozenset({PendingReason.HANDED_OVER, PendingReason.WAITS_FOR_MODEL})
"""Reasons for giving a task back that do not count as a failed attempt."""
MAX_TEXT_BYTES = 60
"""Limit of a step, and of the names of a turn's tools together. The task's progress has the whole step."""


class UnknownEvent(ValueError):
    """An event number beyond the last event of the task."""


# -- what a change means


def accepted(at: int) -> Event:
    """The task was created."""
    return _status(at, Status.PENDING)


def claimed(at: int) -> Event:
    """A worker or batch claimed the task."""
    return _status(at, Status.RUNNING)


def given_back(
    at: int, *, keeps_attempt: bool, awaits: bool, code: FailureCode | None, model: str | None = None
) -> Event:
    """A worker gave the task back.

    Args:
        at: Unix milliseconds.
        keeps_attempt: The next claim continues the same attempt.
        awaits: It waits for tasks that it started.
        code: The failure that is retried, if any.
        model: The model that it continues with, if that is another one.
    """
    reason = PendingReason.HANDED_OVER if keeps_attempt else PendingReason.RETRY
    if keeps_attempt and code is not None:
        reason = PendingReason.WAITS_FOR_MODEL
    event = _status(at, Status.PENDING, reason=PendingReason.AWAITS_TASKS if awaits else reason, code=code)
    return replace(event, details={**event.details, "model": _short(model)}) if model else event


def asked(at: int) -> Event:
    """The agent asked its caller."""
    return _status(at, Status.INPUT_REQUIRED)


def answered(at: int) -> Event:
    """The caller answered."""
    return _status(at, Status.PENDING, reason=PendingReason.ANSWERED)


def ended(outcome: Outcome) -> Event:
    """The task ended."""
    code = outcome.failure.code if outcome.failure else None
    return _status(outcome.at, outcome.status, code=code)


def turn(at: int, number: int, tools: Sequence[str], model: str | None = None) -> Event:
    """A reply was saved: its tools, and the model that answered if it was not the task's own."""
    names = _fitting(list(dict.fromkeys(tools)))
    stood_in = _short(model) if model else None
    return Event(at, EventType.TURN, {"turn": number} | _known(tools=names or None, model=stood_in))


def tool(at: int, name: str) -> Event:
    """A tool with visible effects started."""
    return Event(at, EventType.TOOL, {"tool": _short(name)})


def reported(events: Sequence[Event], at: int, progress: Progress) -> Event | None:
    """The progress that the agent reported. None if it equals the last report, as when a tool runs again
    after a crash."""
    step = _short(progress.step) if progress.step is not None else None
    details = _known(step=step, percent=progress.percent)
    last = next((event for event in reversed(events) if event.type is EventType.PROGRESS), None)
    is_new = details != (last.details if last else {})
    return Event(at, EventType.PROGRESS, details) if is_new else None


def saved(events: Sequence[Event], at: int, artifact_id: str) -> Event | None:
    """A new artifact. None if it was reported before."""
    details = {"artifactId": artifact_id}
    is_new = all(event.details != details for event in events)
    return Event(at, EventType.ARTIFACT, details) if is_new else None


def _status(
    at: int, status: Status, *, reason: PendingReason | None = None, code: FailureCode | None = None
) -> Event:
    details = _known(status=status, reason=reason, code=code)
    return Event(at, EventType.STATUS, {name: value.value for name, value in details.items()})


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _short(text: str) -> str:
    return text.encode(errors="replace")[:MAX_TEXT_BYTES].decode(errors="ignore")


def _fitting(names: list[str]) -> list[str]:
    """As many of the names as fit."""
    used, fitting = 0, []
    for name in map(_short, names):
        used += len(name.encode())
        if used <= MAX_TEXT_BYTES:
            fitting.append(name)
    return fitting


# -- where it goes


def indexed(events: Sequence[Event], event: Event) -> IndexedEvent:
    """Where the worker that holds a task writes its next event. No other process writes events meanwhile."""
    last = events[-1] if events else None
    # each write is billed by the size of the whole record, so the history must not grow with every turn
    if len(events) >= FULL and last is not None and {last.type, event.type} <= REPLACEABLE:
        return IndexedEvent(len(events) - 1, replace(event, skipped=last.skipped + 1))
    return IndexedEvent(len(events), event)


def indexed_release(events: Sequence[Event], event: Event) -> Event | IndexedEvent:
    """Where a worker writes that it gives the task back. In a full list a claim that did no work is
    removed again, because a task may be claimed hundreds of times without progress."""
    if len(events) < FULL or event.details.get("reason") not in IN_VAIN:
        return event
    before, last = events[-2:]
    if before.details != event.details or last.details.get("status") != Status.RUNNING:
        return event
    skipped = before.skipped + last.skipped + 2
    return IndexedEvent(len(events) - 2, replace(event, skipped=skipped), is_last=True)


def with_event(events: tuple[Event, ...], new: Event | IndexedEvent) -> tuple[Event, ...]:
    """The list after ``new`` was written."""
    if isinstance(new, Event):
        return (*events, new)
    return (*events[: new.index], new.event, *(() if new.is_last else events[new.index + 1 :]))


# -- how it is read


def last_number(events: Sequence[Event]) -> int:
    """Number of the newest event; 0 without any."""
    return len(events) + sum(event.skipped for event in events)


@dataclass(frozen=True)
class EventPage:
    """What has happened to a task since a reader last looked."""

    task: Task
    events: list[NumberedEvent]
    last: int
    """Number of the last event that the reader has now seen."""


def events_after(task: Task, after: int, limit: int) -> EventPage:
    """Up to ``limit`` events after number ``after``. Raises ``UnknownEvent``."""
    if after > last_number(task.events):
        raise UnknownEvent(after)
    found = [event for event in _numbered(task) if event.number > after][:limit]
    return EventPage(task, found, found[-1].number if found else after)


def _numbered(task: Task) -> Iterator[NumberedEvent]:
    """All events of a task.

    A claim increments ``attempt`` without knowing its value, so the attempt of each claim is counted here.
    Tasks of releases without events may start in the middle, so counting starts at what is left of
    ``attempt``.
    """
    names = {artifact.artifact_id: artifact.name for artifact in task.artifacts}
    attempt = task.attempt - sum(map(_attempts, task.events))
    number = 0
    for event in task.events:
        number += 1 + event.skipped
        attempt += _attempts(event)
        details = dict(event.details)
        if details.get("status") == Status.RUNNING:
            details["attempt"] = attempt
        if event.type is EventType.ARTIFACT:
            details["name"] = names[details["artifactId"]]
        yield NumberedEvent(number, event.at, event.type, details)


def _attempts(event: Event) -> int:
    """By how much an event changes the number of attempts."""
    match event.details:
        case {"status": Status.RUNNING}:
            return 1
        case {"status": Status.INPUT_REQUIRED} | {"reason": PendingReason.AWAITS_TASKS}:
            return -1
        case {"reason": reason} if reason in IN_VAIN:
            return -1
    return 0
