"""The task store, and the stores of what belongs to tasks. Every write is conditional: the condition decides
which of several concurrent writers wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import Event, IndexedEvent
from a2a_tasks.domain.history.step import Step
from a2a_tasks.domain.ids import IdRange
from a2a_tasks.domain.overload.fallback import Overload
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
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.domain.usage import Spent, Usage, bill


class InvalidCursor(ValueError):
    """A list cursor that this store did not issue."""


@dataclass(frozen=True)
class Claim:
    """One attempt to take a task for execution. Times are Unix milliseconds."""

    claim_id: str
    """Random, so that a claim whose response was lost is recognized as one's own."""
    now: int
    held_by: str
    """The worker or batch that takes the task."""
    fence: int
    """The fence that the task was seen with; slots were taken for exactly this claim."""
    message_id: str | None = None
    """The SQS message that led to the claim."""
    taken_from: str | None = None
    """The dead worker that held a running task."""
    due_at: int | None = None
    """When the sweeper must look at a task that was taken over."""
    clocks: Clocks | None = None
    """The clocks once the run clock continues. None if it runs already."""
    spent: tuple[Spent, ...] | None = None
    """Usage including the reservation for what the claim is for."""
    counted: Usage | None = None
    """What the project's day counts after that reservation."""
    slot: Slot | None = None
    """The agent's slot, if the agent limits concurrency."""


@dataclass(frozen=True)
class Written:
    """The write took effect, now or in an earlier call whose response was lost."""

    task: Task

    @property
    def current(self) -> Task:
        """The task as it is, as of a refused write."""
        return self.task


@dataclass(frozen=True)
class Refused:
    """The condition did not hold, and nothing was written."""

    current: Task | None
    """The task as it is, or None if there is none."""


@dataclass(frozen=True)
class TaskPage:
    """One page of a list."""

    tasks: list[Task]
    cursor: str | None
    """Continues the list. None on the last page."""


@dataclass(frozen=True)
class TaskSummary:
    """What lists and reports need of a task. Times are Unix milliseconds."""

    ref: TaskRef
    project_id: str
    status: Status
    updated_at: int
    deadline: int
    context_id: str | None = None
    failure: FailureCode | None = None
    key_id: str | None = None
    """As in ``Task``."""
    used: Mapping[str, Usage] = field(default_factory=dict)
    """What its own turns used, by model."""

    @classmethod
    def of(cls, task: Task) -> "TaskSummary":
        """The summary of a task."""
        return cls(
            ref=task.ref,
            project_id=task.project_id,
            status=task.status,
            updated_at=task.updated_at,
            deadline=task.deadline,
            context_id=task.context_id,
            failure=task.failure.code if task.failure else None,
            key_id=task.key_id,
            used=bill(task.spent),
        )


@dataclass(frozen=True)
class EndedPage:
    """Some of an agent's ended tasks."""

    tasks: list[TaskSummary]
    looked_at: int
    """Tasks that were read for these."""
    position: str | None
    """Where to go on. None at the end."""


@dataclass(frozen=True)
class DueEntry:
    """An index entry of a task that is due. It may be stale: callers read the task and decide by that."""

    ref: TaskRef
    due_at: int
    """Unix milliseconds."""


@dataclass(frozen=True)
class Release:
    """How a worker gives a task back. Times are Unix milliseconds."""

    now: int
    not_before: int
    """No claim before this moment."""
    due_at: int
    spent: tuple[Spent, ...]
    """Usage so far."""
    keeps_attempt: bool = False
    """It does not count as a failed attempt: the next claim continues the same one."""
    awaits: tuple[TaskRef, ...] = ()
    """Tasks that must end first."""
    code: FailureCode | None = None
    """The failure that is retried."""
    known_events: tuple[Event, ...] = ()
    """The task's events, if its holder knows all of them."""
    overload: Overload | None = None
    """The next model after an overload. None resets the count of consecutive overloads."""
    counted: Usage | None = None
    """What the project's day counts of the task."""
    cut_off: bool = False
    """A turn did not fit into the worker's remaining time."""
    throttled_calls: int = 0
    """Consecutive throttled calls."""
    clocks: Clocks | None = None
    """The clocks once the run clock is stopped. None leaves them."""

    @property
    def event(self) -> Event | IndexedEvent:
        """The event that reports the release."""
        event = events.given_back(
            self.now,
            keeps_attempt=self.keeps_attempt,
            awaits=bool(self.awaits),
            code=self.code,
            model=self.overload.model if self.overload and self.overload.is_switch else None,
        )
        return events.indexed_release(self.known_events, event)


@dataclass(frozen=True)
class Postponement:
    """How an unclaimed task waits for the model. Times are Unix milliseconds."""

    now: int
    not_before: int
    due_at: int
    throttled_calls: int
    """Consecutive throttled calls."""
    clocks: Clocks | None = None
    """The clocks once the run clock is stopped. None leaves them."""


@dataclass(frozen=True)
class Advance:
    """What changed in a running task at a checkpoint. None leaves a field as it is."""

    now: int
    """Unix milliseconds."""
    spent: tuple[Spent, ...] | None = None
    counted: Usage | None = None
    turns: int | None = None
    progress: Progress | None = None
    artifacts: tuple[Artifact, ...] | None = None
    event: IndexedEvent | None = None
    """The event that reports the change."""


@dataclass(frozen=True)
class InputRequest:
    """A question of the agent. Times are Unix milliseconds."""

    now: int
    question: Question
    deadline: int
    """By then the caller must have answered."""
    left_ms: int
    """Run time that the task has left after the answer."""
    counted: Usage | None = None
    """What the project's day counts of the task."""


@dataclass(frozen=True)
class Record:
    """A write-once entry that a task owns, such as a turn or a tool result. A lower fence never overwrites
    it."""

    key: str
    """Keys sort in the order in which things happened."""
    payload: Payload
    step: Step | None = None
    """Summary without text. None for records that are no step of the work, and in items of earlier
    releases."""


class TaskStore(Protocol):
    """Tasks. Each write that changes a task's state adds its event in the same write. An ended task can be
    read until its ``retain_until``.

    All methods raise ``StoreUnavailable``. Times are Unix milliseconds.
    """

    def create(self, task: Task) -> bool:
        """Store a new task. False if another with this id exists, which is left unchanged."""
        ...

    def get(self, ref: TaskRef) -> Task | None:
        """The task as last written (a consistent read), or None."""
        ...

    def get_eventually_consistent(self, ref: TaskRef) -> Task | None:
        """Like ``get``, at half the price: the task as it was a moment ago, or None if it was made just then
        (an eventually consistent read)."""
        ...

    def read(self, ref: TaskRef) -> Task | None:
        """Like ``get``, and fetches an output that is an item of its own with the same call."""
        ...

    def get_all(self, refs: Sequence[TaskRef]) -> list[Task]:
        """Those of the tasks that exist, as last written, in no particular order."""
        ...

    def page(
        self, agent_id: str, status: Status | None, limit: int, cursor: str | None, now: int = 0
    ) -> TaskPage:
        """A page of an agent's tasks, newest first.

        Args:
            agent_id: The agent.
            status: Only these. ``failed`` includes tasks whose deadline has passed at ``now`` but which are
                not failed yet.
            limit: Maximum length. A page may be shorter and still have a cursor.
            cursor: Of the previous page.
            now: Unix milliseconds.

        Raises:
            InvalidCursor: This store did not issue the cursor.
        """
        ...

    def search(
        self, agent_ids: Sequence[str], wanted: TaskFilter, limit: int, cursor: str | None, now: int
    ) -> TaskPage:
        """A page of the tasks of several agents, newest first. Eventually consistent: tasks of the last
        moment may be missing. Where few match, a page may be short, even empty, and have a cursor.

        Raises:
            InvalidCursor: This store did not issue the cursor.
        """
        ...

    def ended(self, agent_id: str, ids: IdRange, position: str | None, limit: int) -> EndedPage:
        """Those of an agent's tasks that have ended, in no particular order (eventually consistent).

        Args:
            agent_id: The agent.
            ids: Only tasks with these ids.
            position: Where the call before left off.
            limit: Tasks that are looked at, live ones included.

        Raises:
            InvalidCursor: This store did not issue the position.
        """
        ...

    def summaries(self, agent_id: str, limit: int) -> list[TaskSummary]:
        """The newest ``limit`` tasks of an agent, newest first (a consistent read)."""
        ...

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        """Take a claimable task: it becomes running and held, fence and attempt rise by one.

        Refused if the fence has moved on; if it is running under another worker than ``claim.taken_from``;
        or if a sweep has moved its due time beyond the claim's deadline.
        """
        ...

    def grant(
        self, ref: TaskRef, fence: int, now: int, slot: Slot | None, due_at: int | None
    ) -> Written | Refused:
        """Give a waiting task a slot, or permission to run without one. Of concurrent grants one wins
        (``grantable``).

        Args:
            ref: The task.
            fence: Its fence when it joined the line.
            now: Unix milliseconds.
            slot: The slot, or None if its agent has no limit.
            due_at: When the sweeper must look at it, unless it is due earlier.
        """
        ...

    def withdraw(self, ref: TaskRef, slot: Slot) -> None:
        """Undo ``grant``, because the slot was taken by another task meanwhile."""
        ...

    def advance(self, ref: TaskRef, fence: int, advance: Advance) -> Written | Refused:
        """Record progress of the worker that holds the task."""
        ...

    def release(self, ref: TaskRef, fence: int, release: Release) -> Written | Refused:
        """Give a task back: for a retry, for another worker to continue, or until other tasks have ended."""
        ...

    def postpone(self, ref: TaskRef, fence: int, postponement: Postponement) -> Written | Refused:
        """Delay a task that could be claimed under this fence. It loses a slot that it was granted."""
        ...

    def request_input(self, ref: TaskRef, fence: int, request: InputRequest) -> Written | Refused:
        """Ask the caller: the task becomes ``input_required``."""
        ...

    def resume(self, ref: TaskRef, call_id: str, now: int) -> Written | Refused:
        """Record that the question was answered: the task becomes pending with the time that it had left, and
        refers to the record of the answer."""
        ...

    def wake(self, ref: TaskRef, fence: int, now: int) -> Written | Refused:
        """Let a task continue, since the tasks that it awaits have ended."""
        ...

    def enable_live(self, ref: TaskRef) -> Written | Refused:
        """Have the text of turns published as it is generated. The caller must notify the worker that holds
        the task."""
        ...

    def finish(self, ref: TaskRef, outcome: Outcome, guard: Guard) -> Written | Refused:
        """End a task if ``guard`` holds. It leaves the index of due tasks.

        If the writer holds the task, ``held_by`` is cleared. Otherwise it stays, because the holder may
        not have noticed yet.
        """
        ...

    def add_partial_output(
        self, ref: TaskRef, fence: int, output: Payload | None, spent: tuple[Spent, ...]
    ) -> Written | Refused:
        """Add what a worker had produced when it noticed that its task was ended by another process. Takes
        effect once, only if the task was not claimed again, and does not change how it ended."""
        ...

    def note_counted(self, ref: TaskRef, seen: Usage | None, counted: Usage) -> bool:
        """Record what the project's day counts of a task, by compare-and-set. False if the value is no longer
        ``seen``."""
        ...

    def enable_notifications(self, ref: TaskRef) -> bool:
        """Deliver the task's changes to push configurations from now on, including those after its end. False
        if there is no such task."""
        ...

    def reschedule(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        """Move a live task's due time by compare-and-set. False if it was moved since, or if the deadline is
        now earlier."""
        ...

    def note_undelivered(
        self, ref: TaskRef, fence: int, seen: Undelivered | None, undelivered: Undelivered, due_at: int
    ) -> bool:
        """Record that a message was dead-lettered and another one follows. The next claim resets the record.

        Returns:
            False if the task has ended, was claimed, or has another record than ``seen``.
        """
        ...

    def due(self, shard: int, now: int, limit: int, after: DueEntry | None = None) -> list[DueEntry]:
        """Up to ``limit`` tasks of a shard with ``due_at <= now``, the longest due first. ``after`` is the
        last entry of the previous page; it need not exist any more."""
        ...

    def count_pending(self, agent_id: str, limit: int, now: int) -> int:
        """Number of an agent's pending tasks, counted up to ``limit``. Eventually consistent: changes of the
        last moments may be missing, with a limit of hundreds those of the last seconds."""
        ...

    def past_retention(self, shard: int, now: int, limit: int) -> list[Task]:
        """Up to ``limit`` tasks of a shard whose retention (``expire``) ended by ``now``, the longest ago
        first."""
        ...

    def is_retained(self, task_id: str) -> bool:
        """Whether a task of this id is live or still readable."""
        ...

    def expire(self, ref: TaskRef, at: int) -> None:
        """Let clean-up delete an ended task from ``at`` on, or earlier if that was set already. A live task
        is left alone."""
        ...

    def delete(self, ref: TaskRef) -> None:
        """Delete an ended task and all items that it owns. Idempotent."""
        ...

    def delete_owned(self, task_id: str) -> None:
        """Delete the items of a task that no longer exists. Its own item, if any is left, is not touched."""
        ...


class RecordStore(Protocol):
    """Entries that tasks own. All methods raise ``StoreUnavailable``."""

    def put_record(self, task_id: str, fence: int, record: Record) -> bool:
        """Store a record. Idempotent. False if a higher fence has written it."""
        ...

    def put_record_once(self, task_id: str, fence: int, record: Record) -> Record | None:
        """Store a record unless one exists. Returns the existing one, or None if this one was written."""
        ...

    def record(self, task_id: str, key: str) -> Record | None:
        """One record, or None (a consistent read)."""
        ...

    def records(self, task_id: str) -> list[Record]:
        """All records of a task, sorted by key (a consistent read)."""
        ...

    def steps(self, task_id: str, limit: int) -> list[tuple[str, Step]]:
        """The steps of a task's first ``limit`` records, with their keys and sorted by them (eventually
        consistent)."""
        ...


class SpendStore(Protocol):
    """What projects spend per day (UTC, ``YYYY-MM-DD``). All methods raise ``StoreUnavailable``."""

    def add_spend(self, project_id: str, day: str, usage: Usage, task_id: str = "") -> None:
        """Add usage to a project's day; negative usage corrects an earlier addition. Not idempotent: a retry
        after a lost response may count twice, but nothing is ever left out.

        Args:
            project_id: The project.
            day: The day.
            usage: What to add.
            task_id: Selects the shard of the counter, to spread the writes.
        """
        ...

    def spend(self, project_id: str, day: str) -> Usage:
        """Cost in USD and tokens (all as input tokens) so far."""
        ...


AFTER_ALL = "~"
"""Sorts after every task id."""


class ContextStore(Protocol):
    """Tasks of conversations. An entry is added before its task and never changes; one whose task does not
    exist means nothing. Entries sort by age, as task ids do.

    All methods are idempotent, read consistently, and raise ``StoreUnavailable``.
    """

    def add(self, context: ContextRef, task_id: str) -> None:
        """Add a task to a conversation."""
        ...

    def newest(self, context: ContextRef, before: str, limit: int) -> list[str]:
        """Ids of the last ``limit`` tasks before task id ``before``, oldest first."""
        ...

    def page(self, context: ContextRef, after: str | None, limit: int) -> list[str]:
        """Ids of the first ``limit`` tasks, or of those following ``after``, oldest first."""
        ...

    def remove(self, context: ContextRef, task_id: str) -> None:
        """Remove a task from a conversation."""
        ...


@dataclass(frozen=True)
class Reservation:
    """An idempotency key's result."""

    task_id: str
    """The task, or whatever else the request creates."""
    digest: str
    """Digest of the request; the key cannot be reused for a different one."""
    until: int
    """End of the reservation (Unix milliseconds)."""
    call_id: str | None = None
    """Set if the request answered this question of the task instead of creating it."""
    is_new: bool = field(default=False, compare=False)
    """Made by this very call, so that what it reserves cannot exist yet."""


class ReservationStore(Protocol):
    """Idempotency keys."""

    def reserve(
        self,
        project_id: str,
        scope: str,
        key: str,
        wanted: Reservation,
        now: int,
        replaced: str | None = None,
    ) -> Reservation:
        """Reserve a key, unless an earlier reservation is still valid.

        Args:
            project_id: The project.
            scope: Namespace of the key, such as the agent.
            key: The caller's key.
            wanted: The new reservation.
            now: Unix milliseconds.
            replaced: The reservation of this task is valid no more.

        Returns:
            The reservation that is valid now: ``wanted`` or the earlier one.

        Raises:
            StoreUnavailable: Calling again is safe.
        """
        ...
