"""The task: its states, and the transitions between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from a2a_tasks.domain import queue_time
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure
from a2a_tasks.domain.event import Event
from a2a_tasks.domain.usage import Spent, Usage, as_used, total


class Status(StrEnum):
    """A task's state; the last three are final."""

    PENDING = "pending"  # waits for a worker
    RUNNING = "running"  # a worker, or a batch, holds it
    INPUT_REQUIRED = "input_required"  # the agent asked; the next message resumes it
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class Priority(StrEnum):
    """Who goes first among an agent's waiting tasks; they sort in this order."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Lane(StrEnum):
    """How a task reaches the model."""

    STANDARD = "standard"  # at once, by a worker
    BATCH = "batch"  # collected into a Message Batch: half the price, within a day


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELED})
LIVE = frozenset(Status) - TERMINAL
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELED}),
    # back to pending for a retry, or to running under another worker once the first is dead
    Status.RUNNING: frozenset(
        {
            Status.PENDING,
            Status.RUNNING,
            Status.INPUT_REQUIRED,
            Status.COMPLETED,
            Status.FAILED,
            Status.CANCELED,
        }
    ),
    Status.INPUT_REQUIRED: frozenset({Status.PENDING, Status.FAILED, Status.CANCELED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELED: frozenset(),
}


@dataclass(frozen=True)
class TaskRef:
    """What names a task: agent ids are unique in a deployment, task ids in an agent."""

    agent_id: str
    task_id: str


@dataclass(frozen=True)
class ContextRef:
    """What names a conversation: its id is the caller's own, so each agent has its own."""

    agent_id: str
    context_id: str


@dataclass(frozen=True)
class Payload:
    """A JSON text that belongs to a task: in the record itself, or in the payload store under ``key``."""

    inline: str | None = None
    key: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Budget:
    """What a task may use in all its turns, and those of the tasks it starts. None does not limit."""

    cost_usd: Decimal | None = None
    tokens: int | None = None

    def is_used_up(self, usage: Usage) -> bool:
        """Nothing is left for another turn."""
        return (self.cost_usd is not None and (usage.cost_usd or 0) >= self.cost_usd) or (
            self.tokens is not None and usage.tokens >= self.tokens
        )


@dataclass(frozen=True)
class Progress:
    """What a running task is doing: the tool in use, and the step and percentage that the agent told itself
    (never estimated here)."""

    tool: str | None = None
    step: str | None = None
    percent: int | None = None


@dataclass(frozen=True)
class Question:
    """What the agent asked; ``call_id`` is the tool call that the answer becomes the result of."""

    call_id: str
    text: str


class ArtifactForm(StrEnum):
    """What the agent has saved."""

    TEXT = "text"
    DATA = "data"  # a JSON value
    FILE = "file"  # bytes, or an address


@dataclass(frozen=True)
class Artifact:
    """A result beside the answer. ``key`` is its object in the payload store, or else ``url`` points to it:
    a link of the model's, outside the deployment.

    ``artifact_id`` is the id of the tool call that saved it, so saving again changes nothing.
    """

    artifact_id: str
    name: str
    media_type: str
    size_bytes: int | None = None
    key: str | None = None
    url: str | None = None
    form: ArtifactForm = ArtifactForm.FILE

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Artifact":
        """Of ``dataclasses.asdict``; an earlier release knew no forms."""
        return cls(**dict(document) | {"form": ArtifactForm(document.get("form", ArtifactForm.FILE))})


@dataclass(frozen=True)
class Parent:
    """The task that started this one, and by which tool call."""

    ref: TaskRef
    call_id: str


@dataclass(frozen=True)
class Slot:
    """Which of its agent's slots a task was given at ``at`` (Unix milliseconds), for the claim that follows
    this fence."""

    number: int
    fence: int
    at: int


@dataclass(frozen=True)
class Task:
    """One task as stored. Times are Unix milliseconds.

    ``fence`` rises with every claim and never falls; each write of a worker is conditioned on it, so a worker
    that lost the task cannot write. ``attempt`` counts the claims that ended in a crash or in overload.
    ``held_by`` is the worker, or the batch, that has claimed it and has not given it back or ended it: it
    stays after an end by somebody else, which that worker may not have noticed. ``message_id`` is the message
    that it was claimed with; any other is a copy.

    A task has two clocks, of which one runs at a time: the time of its run, ``timeout_ms`` from its first
    start, and the time that it waits for a start, ``queue_timeout_ms`` in sum. ``deadline`` is when the one
    that runs is over. While a task waits for its start or for an answer, ``paused_ms`` is the run time that
    it will have left then; while it runs, ``queue_left_ms`` is the waiting time that it has left. No clock
    goes beyond ``ends_by``, the deadline of the task that started it. Tasks of earlier releases that have not
    begun have no ``paused_ms``: their deadline counts from their creation.
    ``awaits`` are the tasks it started and waits for.
    ``answered`` are the keys of the records that hold the answers to its questions, in order.
    ``live`` says that somebody wants to see what it says while it is at it, ``notifies`` that somebody wants
    to be told of its changes (``domain/webhooks/push.py``); ``groups`` are the WeCom connections of groups
    that are told of its end and its questions.
    ``model`` is the one that it works with now, and ``overloads`` how often in a row that was overloaded.
    ``undelivered`` tells of messages that were given up since it was last claimed.
    ``cut_off`` says that its last turn was too long for what its worker had left of its time.
    ``turned_away`` is how often in a row its calls were turned away, or could not even be made, since the
    model or the account had too many: while such a task is pending it waits for that. Where its caller has
    bounded its tries (``bounds_tries``) each such call is an attempt.
    ``counts_as_pending`` marks a task that nobody has begun yet, if its agent limits how many there may be.
    ``events`` tell its course; each is written with the change that it tells.
    ``counted`` is what of its own turns its project's day is known to have, where the project has a budget.
    ``slot`` is the last that it was given, if its agent limits how many of its tasks run at a time.
    """

    ref: TaskRef
    project_id: str
    status: Status
    created_at: int
    updated_at: int
    deadline: int
    input: Payload
    agent_revision: int
    model: str
    max_attempts: int
    correlation_id: str
    attempt: int = 0
    fence: int = 0
    claim_id: str | None = None
    held_by: str | None = None
    message_id: str | None = None
    not_before: int = 0
    due_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    output: Payload | None = None
    failure: Failure | None = None
    finish_id: str | None = None
    timeout_ms: int | None = None
    queue_timeout_ms: int = queue_time.DEFAULT
    queue_left_ms: int | None = None
    ends_by: int | None = None
    priority: Priority = Priority.NORMAL
    lane: Lane = Lane.STANDARD
    context_id: str | None = None
    budget: Budget = field(default_factory=Budget)
    parent: Parent | None = None
    depth: int = 0
    turns: int = 0
    spent: tuple[Spent, ...] = ()
    counted: Usage | None = None
    progress: Progress = field(default_factory=Progress)
    question: Question | None = None
    paused_ms: int | None = None
    awaits: tuple[TaskRef, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    answered: tuple[str, ...] = ()
    live: bool = False
    notifies: bool = False
    groups: tuple[str, ...] = ()
    counts_as_pending: bool = False
    slot: Slot | None = None
    overloads: int = 0
    undelivered: Undelivered | None = None
    cut_off: bool = False
    turned_away: int = 0
    bounds_tries: bool = False
    events: tuple[Event, ...] = ()

    @property
    def usage(self) -> Usage:
        """Everything it used, in all attempts and by the tasks it started, as far as that is known."""
        return total(self.known_spent)

    @property
    def known_spent(self) -> tuple[Spent, ...]:
        """Without what is reserved: until the end, when nobody will tell any more what a turn came to."""
        spent = as_used(self.spent) if self.is_terminal else self.spent
        return tuple(entry for entry in spent if not entry.reserved)

    @property
    def context(self) -> ContextRef | None:
        """The conversation that it belongs to."""
        return None if self.context_id is None else ContextRef(self.ref.agent_id, self.context_id)

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    def is_expired(self, now: int) -> bool:
        """Still live although its deadline has passed: whoever sees this must settle it."""
        return not self.is_terminal and now >= self.deadline

    @property
    def waits_for_start(self) -> bool:
        """Its run time stands still until a worker takes it."""
        return self.status is Status.PENDING and self.paused_ms is not None

    def attempts_are_used_up(self) -> bool:
        return self.attempt >= self.max_attempts


@dataclass(frozen=True)
class Outcome:
    """How a task ends. ``finish_id`` is random per try, so that a writer whose answer was lost recognizes
    its own earlier success; ``retain_until`` is until when the task may be read."""

    status: Status
    at: int
    finish_id: str
    retain_until: int
    output: Payload | None = None
    failure: Failure | None = None
    spent: tuple[Spent, ...] | None = None

    def __post_init__(self) -> None:
        if self.status not in TERMINAL:
            raise ValueError(f"{self.status} does not end a task")


def iso8601(ms: int) -> str:
    """Unix milliseconds as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
