"""The task store, and what is stored beside tasks. Every write is conditional, and the condition carries its
meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain import events
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.event import Event, Placed
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.overload import Overload
from a2a_tasks.domain.schedule import Clocks
from a2a_tasks.domain.task import (
    Artifact,
    ContextRef,
    Outcome,
    Payload,
    Progress,
    Question,
    Slot,
    Status,
    Task,
    TaskRef,
)
from a2a_tasks.domain.usage import Spent, Usage


class InvalidCursor(ValueError):
    """A list cursor that this store did not issue."""


@dataclass(frozen=True)
class Claim:
    """One try to take a task. ``claim_id`` is random, so that a claim whose answer was lost is recognized.
    ``held_by`` is the worker or the batch that takes it, ``message_id`` the message that it came with.
    ``fence`` is the task's when its slots were taken: they are good for this one claim. ``taken_from`` is the
    dead worker of a running task, and ``due_at`` when somebody must look at that. With ``clocks`` the task's
    run time goes on. With ``spent`` and ``counted`` what the claim is for is reserved by the same write.
    ``slot`` is the agent's, if it has any."""

    claim_id: str
    now: int
    held_by: str
    fence: int
    message_id: str | None = None
    taken_from: str | None = None
    due_at: int | None = None
    clocks: Clocks | None = None
    spent: tuple[Spent, ...] | None = None
    counted: Usage | None = None
    slot: Slot | None = None


@dataclass(frozen=True)
class Written:
    """The write took effect (now, or in an earlier try whose answer was lost)."""

    task: Task


@dataclass(frozen=True)
class Refused:
    """The condition did not hold. ``current`` is the task as it stands, None if there is none."""

    current: Task | None


@dataclass(frozen=True)
class Page:
    tasks: list[Task]
    cursor: str | None


@dataclass(frozen=True)
class Outline:
    """What a list needs to know of a task to choose and sort."""

    ref: TaskRef
    project_id: str
    status: Status
    updated_at: int
    deadline: int
    context_id: str | None = None
    failure: FailureCode | None = None

    @classmethod
    def of(cls, task: Task) -> "Outline":
        failure = task.failure.code if task.failure else None
        return cls(
            task.ref, task.project_id, task.status, task.updated_at, task.deadline, task.context_id, failure
        )


@dataclass(frozen=True)
class Due:
    """An index entry: somebody must look at this task. It nominates only; the task itself decides."""

    ref: TaskRef
    due_at: int


@dataclass(frozen=True)
class Release:
    """How a worker gives a task back. With ``keeps_attempt`` it was no failed attempt: the next claim counts
    as the same one. ``awaits`` are tasks that must end first; ``code`` is that of the failure which is
    tried again. ``told`` are the task's events, where its holder knows all of them. ``overload`` is what
    follows if the model was overloaded; without one there is no row of overloads. ``cut_off`` says that a
    turn was too long for the worker's time. ``turned_away`` is how long the row of calls is that were turned
    away, and with ``clocks`` the task's run time stands still."""

    now: int
    not_before: int
    due_at: int
    spent: tuple[Spent, ...]
    keeps_attempt: bool = False
    awaits: tuple[TaskRef, ...] = ()
    code: FailureCode | None = None
    told: tuple[Event, ...] = ()
    overload: Overload | None = None
    counted: Usage | None = None
    cut_off: bool = False
    turned_away: int = 0
    clocks: Clocks | None = None

    @property
    def event(self) -> Event | Placed:
        """What is told of it."""
        event = events.given_back(
            self.now,
            keeps_attempt=self.keeps_attempt,
            awaits=bool(self.awaits),
            code=self.code,
            model=self.overload.model if self.overload and self.overload.is_switch else None,
        )
        return events.returned(self.told, event)


@dataclass(frozen=True)
class Postponement:
    """How a task that nobody has taken waits for the model: until ``not_before``, and with ``clocks`` its run
    time stands still from now on."""

    now: int
    not_before: int
    due_at: int
    turned_away: int
    clocks: Clocks | None = None


@dataclass(frozen=True)
class Advance:
    """What changed of a running task at a checkpoint, and what is told of it. None changes nothing."""

    now: int
    spent: tuple[Spent, ...] | None = None
    counted: Usage | None = None
    turns: int | None = None
    progress: Progress | None = None
    artifacts: tuple[Artifact, ...] | None = None
    event: Placed | None = None


@dataclass(frozen=True)
class Pause:
    """The agent's question; the task has until ``deadline`` for its answer, and ``left_ms`` after it."""

    now: int
    question: Question
    deadline: int
    left_ms: int
    counted: Usage | None = None


@dataclass(frozen=True)
class Record:
    """Something that a task owns and that is only ever written, never changed by a lower fence: a turn, a
    tool's result. Keys sort in the order in which things happened."""

    key: str
    payload: Payload


class TaskStore(Protocol):
    """Each write that changes a task's state tells so in its events, by the same write. An ended task can be
    read until ``retain_until``.

    All methods raise ``StoreUnavailable`` when the store does not answer.
    """

    def create(self, task: Task) -> bool:
        """Store a new task; False if there is one of this id, which stays as it is."""
        ...

    def get(self, ref: TaskRef) -> Task | None:
        """The task as last written (a consistent read)."""
        ...

    def read(self, ref: TaskRef) -> Task | None:
        """The same, with its output at hand where that is a text of its own, by the same read."""
        ...

    def get_all(self, refs: Sequence[TaskRef]) -> list[Task]:
        """Those of up to 100 tasks that there are, as last written, in no order."""
        ...

    def page(
        self, agent_id: str, status: Status | None, limit: int, cursor: str | None, now: int = 0
    ) -> Page:
        """An agent's tasks, newest first, or those with this status: of the failed also those whose deadline
        has passed at ``now`` (Unix milliseconds) and that nobody has settled. A page may hold fewer than
        ``limit`` and still have a cursor.

        Raises ``InvalidCursor``.
        """
        ...

    def outlines(self, agent_id: str, limit: int) -> list[Outline]:
        """The newest ``limit`` of an agent's tasks, the newest first (a consistent read)."""
        ...

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        """Take a claimable task under the fence it was seen with: running, fence and attempt one higher,
        held. A running one only from the dead worker that the claim names; one that is due after the claim's
        deadline, which a sweep has moved meanwhile, not at all."""
        ...

    def grant(
        self, ref: TaskRef, fence: int, now: int, slot: Slot | None, due_at: int | None
    ) -> Written | Refused:
        """Choose a task in line, since this fence, for a slot, or to run without one; of those who choose it
        at the same moment one does (``grantable``). ``due_at`` is when somebody must look at it, if it is not
        due before."""
        ...

    def withdraw(self, ref: TaskRef, slot: Slot) -> None:
        """Take back what ``grant`` has written: the slot was another's by then."""
        ...

    def advance(self, ref: TaskRef, fence: int, advance: Advance) -> Written | Refused:
        """Note what the worker that holds the task has done."""
        ...

    def release(self, ref: TaskRef, fence: int, release: Release) -> Written | Refused:
        """Give a task back: for a retry, for another worker to go on, or until others have ended."""
        ...

    def postpone(self, ref: TaskRef, fence: int, postponement: Postponement) -> Written | Refused:
        """Let a task wait that might be claimed now under this fence. A slot that it was given is not its own
        any more."""
        ...

    def pause(self, ref: TaskRef, fence: int, pause: Pause) -> Written | Refused:
        """Ask the caller: the task becomes input_required."""
        ...

    def resume(self, ref: TaskRef, call_id: str, now: int) -> Written | Refused:
        """The question was answered: the task is pending again, with the time that it had left, and names
        the record of its answer."""
        ...

    def wake(self, ref: TaskRef, fence: int, now: int) -> Written | Refused:
        """The tasks that a task waits for have ended: it may go on."""
        ...

    def enable_live(self, ref: TaskRef) -> Written | Refused:
        """Somebody wants to see what a task says while it is at it; its worker must be told so."""
        ...

    def finish(self, ref: TaskRef, outcome: Outcome, guard: Guard) -> Written | Refused:
        """End a task, if ``guard`` still holds. It leaves the due index.

        After an end by the worker that holds the task nobody holds it; after any other ``held_by`` stays, for
        that worker may not have noticed.
        """
        ...

    def add_partial_output(
        self, ref: TaskRef, fence: int, output: Payload | None, spent: tuple[Spent, ...]
    ) -> Written | Refused:
        """What a worker had when it noticed that its task was ended by somebody else: added once, and only if
        nobody has claimed the task since. The end itself does not change."""
        ...

    def note_counted(self, ref: TaskRef, seen: Usage | None, counted: Usage) -> bool:
        """What the project's day has of a task now; False if that is no longer ``seen``."""
        ...

    def enable_notifications(self, ref: TaskRef) -> bool:
        """From now on the task's changes are told, also those of an ended one; False if there is none."""
        ...

    def reschedule(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        """Move a live task's due time; False if another sweep, or its worker, moved it first, or if its
        deadline is sooner by now."""
        ...

    def note_undelivered(
        self, ref: TaskRef, fence: int, seen: Undelivered | None, undelivered: Undelivered, due_at: int
    ) -> bool:
        """A message of a task was given up, and another follows; the next claim forgets it. False if the task
        has ended, was claimed, or had another one given up since it was seen."""
        ...

    def due(self, shard: int, now: int, limit: int, after: Due | None = None) -> list[Due]:
        """Up to ``limit`` tasks of a shard with ``due_at <= now``, the longest due first, or those that come
        ``after`` an entry of an earlier page, whatever has become of that."""
        ...

    def count_pending(self, agent_id: str, limit: int, now: int) -> int:
        """How many of an agent's tasks count as pending at ``now`` (Unix milliseconds); beyond ``limit`` none
        is looked at. What has changed in the last moment may not show, and with a limit of hundreds what
        has changed in the last seconds."""
        ...

    def forgotten(self, shard: int, now: int, limit: int) -> list[Task]:
        """Up to ``limit`` of a shard's tasks that were to be deleted by then (``expire``), the longest ago
        first."""
        ...

    def remembers(self, task_id: str) -> bool:
        """There is a task of this id that somebody may read, or that has not ended."""
        ...

    def expire(self, ref: TaskRef, at: int) -> None:
        """Let clean-up delete an ended task from ``at`` on, if it may not already. A live one stays."""
        ...

    def delete(self, ref: TaskRef) -> None:
        """Delete an ended task and every item that it owns. Idempotent."""
        ...

    def delete_owned(self, task_id: str) -> None:
        """Delete what a task owns that nobody remembers; what is left of its record is not touched."""
        ...


class RecordStore(Protocol):
    """What tasks own. All methods raise ``StoreUnavailable``."""

    def put_record(self, task_id: str, fence: int, record: Record) -> bool:
        """Keep a record; the same again changes nothing. False if a higher fence has written it."""
        ...

    def put_record_once(self, task_id: str, fence: int, record: Record) -> Record | None:
        """Keep a record unless there is one: then that one is returned and nothing is written."""
        ...

    def record(self, task_id: str, key: str) -> Record | None:
        """One record (a consistent read)."""
        ...

    def records(self, task_id: str) -> list[Record]:
        """All of a task's records in the order of their keys (a consistent read)."""
        ...


class SpendStore(Protocol):
    """What projects spend on a day (UTC, ``YYYY-MM-DD``). All methods raise ``StoreUnavailable``."""

    def add_spend(self, project_id: str, day: str, usage: Usage, task_id: str = "") -> None:
        """Count it; the ids of the tasks spread the writes. Less than nothing takes back what was counted too
        much. An answer that is lost may count it twice, never not at all."""
        ...

    def spend(self, project_id: str, day: str) -> Usage:
        """Cost and tokens (all as input tokens) so far."""
        ...


AFTER_ALL = "~"
"""Sorts after every task id."""


class ContextStore(Protocol):
    """An entry is put before its task and never changed; one without a task says nothing. Task ids sort by
    age, and so do the entries.

    All methods are idempotent, read consistently, and raise ``StoreUnavailable``.
    """

    def add(self, context: ContextRef, task_id: str) -> None: ...

    def newest(self, context: ContextRef, before: str, limit: int) -> list[str]:
        """The ids of the last ``limit`` tasks before one, the oldest first."""
        ...

    def page(self, context: ContextRef, after: str | None, limit: int) -> list[str]:
        """The ids of the first ``limit`` tasks, or of those after one, the oldest first."""
        ...

    def remove(self, context: ContextRef, task_id: str) -> None: ...


@dataclass(frozen=True)
class Reservation:
    """A task's id (or that of what else the request makes) that a key stands for until ``until`` (Unix
    milliseconds), for a request of this digest. With ``call_id`` the request did not make the task but
    answers this question of it."""

    task_id: str
    digest: str
    until: int
    call_id: str | None = None


class ReservationStore(Protocol):
    def reserve(self, project_id: str, scope: str, key: str, wanted: Reservation, now: int) -> Reservation:
        """Keep ``wanted``, unless an earlier reservation of the key still holds: the one that holds.

        ``scope`` is what the key is for, such as an agent. Raises ``StoreUnavailable``; asking again is safe.
        """
        ...
