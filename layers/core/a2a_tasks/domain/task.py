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
from a2a_tasks.domain.history.event import Event
from a2a_tasks.domain.tracing.task_trace import TaskTrace
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
    """Priority among an agent's waiting tasks; they sort in this order."""

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
    # back to pending for a retry; running again under another worker after the first has died
    Status.RUNNING: frozenset(Status),
    Status.INPUT_REQUIRED: frozenset({Status.PENDING, Status.FAILED, Status.CANCELED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELED: frozenset(),
}
"""Which status may follow which. The conditions of the store's writes enforce it."""


@dataclass(frozen=True)
class TaskRef:
    """Identifies a task. Agent ids are unique in a deployment, task ids within an agent."""

    agent_id: str
    task_id: str


@dataclass(frozen=True)
class ContextRef:
    """Identifies a conversation. Callers choose context ids, so each agent has its own namespace for them."""

    agent_id: str
    context_id: str


@dataclass(frozen=True)
class Payload:
    """A JSON text that belongs to a task, stored either in the task's item or in the payload store."""

    inline: str | None = None
    """The text itself, if it is small enough for the item."""
    key: str | None = None
    """Key in the payload store, if the text is not inline."""
    sha256: str | None = None
    """Hexadecimal SHA-256 of the stored bytes, or its first digits; checked on every read."""


@dataclass(frozen=True)
class Budget:
    """Upper limits for all turns of a task, including those of the tasks it starts. None means unlimited."""

    cost_usd: Decimal | None = None
    tokens: int | None = None

    def is_used_up(self, usage: Usage) -> bool:
        """Whether ``usage`` leaves nothing for another turn."""
        return (self.cost_usd is not None and (usage.cost_usd or 0) >= self.cost_usd) or (
            self.tokens is not None and usage.tokens >= self.tokens
        )


@dataclass(frozen=True)
class Progress:
    """What a running task is doing."""

    tool: str | None = None
    """The tool in use."""
    step: str | None = None
    """The step as the agent reported it."""
    percent: int | None = None
    """Percentage as the agent reported it (0–100); never estimated."""


@dataclass(frozen=True)
class Question:
    """A question of the agent to its caller."""

    call_id: str
    """The tool call that asked; the answer becomes its result."""
    text: str
    options: tuple[str, ...] = ()
    """Answers to choose from; another answer is accepted too."""

    @property
    def with_options(self) -> str:
        """The text with its options in numbered lines, for those who are shown nothing but text."""
        return "\n".join([self.text, *(f"{n}. {option}" for n, option in enumerate(self.options, 1))])


class ArtifactForm(StrEnum):
    """What kind of content an artifact has."""

    TEXT = "text"
    DATA = "data"  # a JSON value
    FILE = "file"  # bytes, or an address


@dataclass(frozen=True)
class Artifact:
    """A result that the agent saved beside its answer."""

    artifact_id: str
    """Id of the tool call that saved it, which makes saving idempotent."""
    name: str
    media_type: str
    size_bytes: int | None = None
    key: str | None = None
    """Its object in the payload store. None if the content is at ``url``."""
    url: str | None = None
    """Address outside this deployment that the model gave instead of content."""
    form: ArtifactForm = ArtifactForm.FILE

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Artifact":
        """Rebuild an artifact from its ``dataclasses.asdict`` form."""
        return cls(**dict(document) | {"form": ArtifactForm(document["form"])})


@dataclass(frozen=True)
class Parent:
    """The task that started this one, and the tool call that did so."""

    ref: TaskRef
    call_id: str


@dataclass(frozen=True)
class Slot:
    """The agent's slot that was given to a task, valid only for the claim that follows ``fence``."""

    number: int
    """Which of the agent's slots, from 0."""
    fence: int
    """The task's fence when the slot was given."""
    at: int
    """When it was given (Unix milliseconds)."""


@dataclass(frozen=True)
class Task:
    """One task as stored. All times are Unix milliseconds, all durations milliseconds.

    A task has two clocks, and one of them runs at a time: the run clock (``timeout_ms`` from the first start)
    and the queue clock (``queue_timeout_ms``, all waits for a start added up). ``deadline`` is when the
    running clock expires; the time left on the stopped one is kept in ``paused_ms`` or ``queue_left_ms``.
    """

    ref: TaskRef
    """Agent id and task id."""
    project_id: str
    """The project of the API key that created it; only keys of this project can see the task."""
    status: Status
    """Its state; ``TRANSITIONS`` says which one may follow."""
    created_at: int
    """When it was accepted."""
    updated_at: int
    """When its status, or anything else that callers see, last changed."""
    deadline: int
    """When the running clock expires. A live task is failed at this moment at the latest."""
    input: Payload
    """What the caller asked."""
    agent_revision: int
    """The revision of the agent that it runs with, whatever is applied later."""
    model: str
    """The model that it works with now; changes when it falls back from an overloaded model."""
    max_attempts: int
    """Limit of ``attempt``."""
    correlation_id: str
    """Appears in every log line about this task."""
    attempt: int = 0
    """Claims so far that count against ``max_attempts``. A claim that continues from a checkpoint keeps the
    number."""
    fence: int = 0
    """Fencing token: rises with every claim and never falls. Every write of a worker is conditioned on it, so
    a worker that has lost the task cannot write."""
    claim_id: str | None = None
    """Random id of the last claim; recognizes a claim whose response was lost."""
    held_by: str | None = None
    """The worker or batch that has claimed the task and has neither released nor ended it. Stays after
    another process has ended the task, because the holder may not have noticed yet."""
    message_id: str | None = None
    """The SQS message of the last claim. Any other message of this task is a duplicate."""
    not_before: int = 0
    """No claim before this moment: a delayed start, or the delay before a retry."""
    due_at: int | None = None
    """When the sweeper must look at the task, no later than ``deadline``. None once it has ended."""
    started_at: int | None = None
    """When it was first claimed."""
    completed_at: int | None = None
    """When it ended, in whichever terminal status."""
    output: Payload | None = None
    """The result. A failed or canceled task may have a partial one."""
    failure: Failure | None = None
    """Why it failed."""
    finish_id: str | None = None
    """Random id of the write that ended it; recognizes an end whose response was lost."""
    timeout_ms: int | None = None
    """Run time in all. None in items of earlier releases."""
    queue_timeout_ms: int = queue_time.DEFAULT
    """Time that it may wait for a start in all."""
    queue_left_ms: int | None = None
    """While the run clock runs: what is left of ``queue_timeout_ms``."""
    ends_by: int | None = None
    """Deadline of the parent task, which neither clock exceeds. None without a parent."""
    priority: Priority = Priority.NORMAL
    """Position among the agent's waiting tasks."""
    lane: Lane = Lane.STANDARD
    """Standard requests or Message Batches."""
    context_id: str | None = None
    """The conversation that it belongs to, if any."""
    budget: Budget = field(default_factory=Budget)
    """Limits of cost and tokens."""
    parent: Parent | None = None
    """The task that started it, if an agent did."""
    depth: int = 0
    """Number of ancestors; limits recursion of agents."""
    turns: int = 0
    """Turns of the model that were saved."""
    spent: tuple[Spent, ...] = ()
    """Usage per attempt, model and started task, including reservations for what is under way."""
    counted: Usage | None = None
    """What of its own turns its project's day, and its spender's, count already. None if neither the project
    has a budget nor the task a spender."""
    spender: str | None = None
    """Whose usage is counted by day beside the project's: a person who has a limit of their own."""
    progress: Progress = field(default_factory=Progress)
    """What it is doing now."""
    question: Question | None = None
    """The open question of an ``input_required`` task."""
    paused_ms: int | None = None
    """While the task waits for a start or for an answer: the run time that it will have left. None in items
    of earlier releases that have not begun; their deadline counts from creation."""
    awaits: tuple[TaskRef, ...] = ()
    """Tasks that it started and that must end before it continues."""
    artifacts: tuple[Artifact, ...] = ()
    """Results saved beside the answer."""
    answered: tuple[str, ...] = ()
    """Record keys of the answers to its questions, in order."""
    live: bool = False
    """A client is streaming the text as it is generated."""
    notifies: bool = False
    """Changes are delivered to push configurations (``domain/webhooks/push.py``)."""
    groups: tuple[str, ...] = ()
    """WeCom group connections that receive its end and its questions."""
    key_id: str | None = None
    """The caller: id of the API key, or ``wecom:<connection>``; inherited from the parent if an agent started
    it. None in items of earlier releases."""
    retry_of: str | None = None
    """The ended task that it repeats."""
    counts_as_pending: bool = False
    """Not begun, and counted against the agent's limit of pending tasks."""
    slot: Slot | None = None
    """The slot that it was last given, if its agent limits concurrency."""
    overloads: int = 0
    """Consecutive overload responses (HTTP 529) of ``model``."""
    undelivered: Undelivered | None = None
    """Messages dead-lettered since the last claim."""
    cut_off: bool = False
    """The last turn did not fit into the time that its worker had left."""
    throttled_calls: int = 0
    """Consecutive calls that were throttled (HTTP 429 or 529) or not made because of the pace. While it is
    pending with such calls, the task waits for the model."""
    bounds_tries: bool = False
    """The caller set ``max_attempts``, so that each throttled call counts as an attempt."""
    trace: TaskTrace | None = None
    """The trace that it belongs to. None if tracing was off when it was created, and its caller had none."""
    events: tuple[Event, ...] = ()
    """Its history. Each event is written by the same write as the change that it reports."""

    @property
    def usage(self) -> Usage:
        """Usage of all attempts and started tasks, as far as known."""
        return total(self.known_spent)

    @property
    def known_spent(self) -> tuple[Spent, ...]:
        """``spent`` without reservations. Once the task has ended, reservations for turns count as used,
        because what they cost will never be known."""
        spent = as_used(self.spent) if self.is_terminal else self.spent
        return tuple(entry for entry in spent if not entry.reserved)

    @property
    def context(self) -> ContextRef | None:
        """The conversation that it belongs to, if any."""
        return None if self.context_id is None else ContextRef(self.ref.agent_id, self.context_id)

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    def is_expired(self, now: int) -> bool:
        """Whether its deadline has passed although it has not ended. A process that sees this must fail the
        task."""
        return not self.is_terminal and now >= self.deadline

    @property
    def waits_for_start(self) -> bool:
        """Whether the run clock is stopped until a worker claims the task."""
        return self.status is Status.PENDING and self.paused_ms is not None

    def attempts_are_used_up(self) -> bool:
        """Whether no further attempt may follow."""
        return self.attempt >= self.max_attempts


@dataclass(frozen=True)
class Outcome:
    """How a task ends. Times are Unix milliseconds.

    Raises:
        ValueError: ``status`` is not terminal.
    """

    status: Status
    at: int
    finish_id: str
    """Random per call, so that a writer whose response was lost recognizes its own write."""
    retain_until: int
    """Until when the task can be read; after that clean-up deletes it."""
    output: Payload | None = None
    failure: Failure | None = None
    spent: tuple[Spent, ...] | None = None
    """The task's final usage. None leaves what is stored."""
    seen: tuple[Spent, ...] = ()
    """Where ``spent`` is None, the usage that the writer has seen, for reports."""

    def __post_init__(self) -> None:
        if self.status not in TERMINAL:
            raise ValueError(f"{self.status} does not end a task")


def iso8601(ms: int) -> str:
    """Unix milliseconds as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
