"""The task: its states, the transitions between them, and the pure rules about its times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from a2a_tasks.domain import queue_time
from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.event import Event
from a2a_tasks.domain.ids import fraction
from a2a_tasks.domain.usage import Spent, Usage, as_used, by_attempt, by_model, total

DISPATCH_GRACE_MS = 30_000
"""How long a pending task may wait for its first claim before the sweeper sends its message again."""
NOTICE_MS = 60_000
"""By then a worker whose task was ended by somebody else has noticed, or does with its next write."""
MAX_RESEND_GAP_MS = 5 * 60_000
"""A waiting task's message is sent again ever less often, up to this."""
MAX_BACKLOG_GAP_MS = 3_600_000
"""The same behind a long backlog."""
LONG_BACKLOG = 1_000
"""With so many messages in the queue, a task that waits is most probably named by one of them."""
LONG_WAIT_MS = 10 * 60_000
"""Behind a long backlog a message counts as lost only then, or after a quarter of the time that the task had
when it began to wait."""
LONGEST_LIFE_MS = 28 * 24 * 3_600_000
"""By then a task has ended, however long it was delayed and however often it asked: clean-up, and the
payload bucket's own rule, take what is so much older than its retention for nobody's."""
GRANT_MS = 30_000
"""So long a task that was given a slot is left to whoever gave it. Then that process is dead, or too late."""
CHILD_CHECK_MS = 60_000
"""When the sweeper first asks whether the tasks that a task waits for have ended: a wake-up may be lost."""
MAX_CHILD_CHECK_MS = 15 * 60_000
"""It asks ever less often, up to this."""
MAX_QUEUE_DELAY_MS = 900_000
"""The longest that SQS delays a message; a later start is the sweeper's to send."""
SWEEP_AHEAD_MS = 90_000
"""How long before its start the sweeper sends a delayed task, so that it starts in time, not at a sweep."""


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


SOON_MS = 60_000
"""A task that starts later than that is not waited for by a stream."""
BATCH_LOOK_MS = 5 * 60_000
"""How often it is worth looking at a task in the batch lane, whose batch takes minutes to hours."""


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
    to be told of its changes (``domain/push.py``); ``groups`` are the WeCom connections of groups that are
    told of its end and its questions.
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
class Clocks:
    """A task's clocks after one has been stopped for the other: when the one that runs now is over, and the
    time that the other has left."""

    deadline: int
    left_ms: int


def clocks_of_start(task: Task, now: int) -> Clocks | None:
    """What a claim does to the clocks: the run's goes on. None where it does already."""
    if not task.waits_for_start:
        return None
    deadline = _no_later(now + (task.paused_ms or 0), task.ends_by)
    return Clocks(deadline, max(0, task.deadline - now))


def clocks_of_wait(task: Task, now: int) -> Clocks | None:
    """What it does to the clocks that a begun task waits for the model: the run's stands still. None where it
    does already."""
    if task.waits_for_start:
        return None
    left_ms = max(1_000, task.deadline - now)
    may_wait_ms = task.queue_timeout_ms if task.queue_left_ms is None else task.queue_left_ms
    latest = _no_later(task.created_at + LONGEST_LIFE_MS - left_ms, task.ends_by)
    return Clocks(max(now, min(now + may_wait_ms, latest)), left_ms)


def earliest_end(task: Task) -> int:
    """Before then the time of a new task is not over, whenever it starts."""
    since = max(task.created_at, task.not_before)
    return min(task.deadline, since + (task.timeout_ms or 0)) if task.waits_for_start else task.deadline


def _no_later(moment: int, limit: int | None) -> int:
    return moment if limit is None else min(moment, limit)


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


@dataclass(frozen=True)
class Guard:
    """What must still be true of the stored task for a write to take effect. Unset parts do not matter.

    ``by_holder`` says of the writer that it holds the task, and stops with this write."""

    statuses: frozenset[Status]
    fence: int | None = None
    deadline_after: int | None = None
    deadline_by: int | None = None
    by_holder: bool = False

    def allows(self, task: Task) -> bool:
        return (
            task.status in self.statuses
            and (self.fence is None or task.fence == self.fence)
            and (self.deadline_after is None or task.deadline > self.deadline_after)
            and (self.deadline_by is None or task.deadline <= self.deadline_by)
        )


def guard_of_worker(fence: int) -> Guard:
    """Only the worker that holds the task may write: a stale one has a lower fence."""
    return Guard(frozenset({Status.RUNNING}), fence=fence, by_holder=True)


def guard_of_completion(fence: int, now: int) -> Guard:
    """A result counts only before the deadline; after it the task has failed, whoever writes that down."""
    return Guard(frozenset({Status.RUNNING}), fence=fence, deadline_after=now, by_holder=True)


def guard_of_cancel(now: int) -> Guard:
    """Anything not ended can be canceled, until its deadline has decided."""
    return Guard(LIVE, deadline_after=now)


def guard_of_expiry(now: int, fence: int | None = None) -> Guard:
    """Only a task past its deadline times out, and only if nothing else ended it."""
    if fence is not None:  # the worker that holds it: a stale one ends nothing
        return Guard(frozenset({Status.RUNNING}), fence=fence, deadline_by=now, by_holder=True)
    return Guard(LIVE, deadline_by=now)


def guard_of_loss(fence: int) -> Guard:
    """A task whose worker is lost, its lease broken, is given up only if nobody took it over meanwhile."""
    return Guard(frozenset({Status.RUNNING}), fence=fence)


def guard_of_dead_letter(fence: int) -> Guard:
    """A dead message ends its task only as it was seen, without a living worker: another delivery may have
    won since."""
    # a task that waits for an answer needs no message
    return Guard(frozenset({Status.PENDING, Status.RUNNING}), fence=fence)


def rest_ms(task: Task, now: int) -> int | None:
    """How long nothing will happen to a live task that cannot start soon; None for every other."""
    if task.status is Status.PENDING and task.not_before - now > SOON_MS:
        return task.not_before - now
    if task.lane is Lane.BATCH and task.status in (Status.PENDING, Status.RUNNING):
        return BATCH_LOOK_MS
    return None


def rest_seconds(rest: int) -> int:
    """``rest_ms`` as callers are told it, rounded up."""
    return -(-rest // 1000)


def claimable(task: Task, now: int) -> bool:
    """A worker may take the task, a running one once its own worker is dead: it may start, and attempts are
    left."""
    if now >= task.deadline or task.attempts_are_used_up():
        return False
    if task.status is Status.PENDING:
        return task.not_before <= now and not task.awaits
    return task.status is Status.RUNNING and task.lane is not Lane.BATCH


def goes_first(task: Task) -> bool:
    """Whether its messages go before those of tasks that nobody has begun: it has begun itself, and may hold
    what others wait for while its time runs, it has been given a slot, or its caller wants it to."""
    return task.started_at is not None or task.priority is Priority.HIGH or is_called(task)


def is_called(task: Task) -> bool:
    """It has been given its agent's slot for the claim that comes next."""
    return task.slot is not None and task.slot.fence == task.fence


def grantable(task: Task, fence: int, now: int, slot: Slot | None) -> bool:
    """A task that waits since this fence may be given a slot, unless somebody else has just given it
    another."""
    given = task.slot
    is_given = given is not None and given.fence == fence and given.at > now - GRANT_MS
    is_same = slot is not None and given is not None and given.number == slot.number
    is_waiting = task.status is Status.PENDING and task.fence == fence
    return is_waiting and claimable(task, now) and (is_same or not is_given)


def whole_seconds(ms: int) -> int:
    """Rounded up, so that what waits so long is not back too early: queues count in seconds."""
    return -(-ms // 1000)


def due_after_create(created_at: int, deadline: int, not_before: int = 0) -> int:
    """When somebody must look at a new task: its message may never have been sent, or cannot be sent yet."""
    if not_before - created_at > MAX_QUEUE_DELAY_MS:
        return not_before - SWEEP_AHEAD_MS
    return min(max(created_at, not_before) + DISPATCH_GRACE_MS, deadline)


def due_after_take_over(now: int, deadline: int) -> int:
    """When somebody must look at a task that was taken over: whether its new worker's lease names it by then.
    From then on whoever finds that worker dead finds the task, and it is due at its deadline alone."""
    return min(now + DISPATCH_GRACE_MS, deadline)


def due_after_start(task: Task, clocks: Clocks | None) -> int | None:
    """When somebody must look at a task whose run time goes on from now; None where that stays as it is."""
    is_sooner = clocks is not None and task.due_at is not None and clocks.deadline < task.due_at
    return clocks.deadline if clocks and is_sooner else None


def due_after_release(not_before: int, deadline: int) -> int:
    """When somebody must look at a task given back for a retry: its message may be gone."""
    return min(not_before + DISPATCH_GRACE_MS, deadline)


def longest_wait(task: Task, now: int, max_wait_ms: int) -> int:
    """Until when a question may wait for its answer, so that the time left after it is within the longest
    life."""
    left_ms = max(0, task.deadline - now)
    return max(now, min(now + max_wait_ms, task.created_at + LONGEST_LIFE_MS - left_ms))


def due_while_awaiting(now: int, deadline: int, since: int | None = None) -> int:
    """When somebody must look at a task that waits for others: their end may not have reached it. Later each
    time, the longer it has waited (``since``): after a lost wake-up it waits at most as long again."""
    waited = 0 if since is None else now - since
    return min(now + max(CHILD_CHECK_MS, min(waited, MAX_CHILD_CHECK_MS)), deadline)


def due_after_resend(task: Task, now: int, backlog: int = 0) -> int:
    """When to look again at a task that waits for a worker: later each time, since a long queue is not a
    loss, and not at the same moment for all that came together."""
    most = MAX_RESEND_GAP_MS if backlog < LONG_BACKLOG else MAX_BACKLOG_GAP_MS
    gap = max(DISPATCH_GRACE_MS, min(_waited(task, now), most))
    spread = (gap - DISPATCH_GRACE_MS) * fraction(task.ref.task_id) / 2
    return min(now + gap + int(spread), task.deadline)


def may_be_lost(task: Task, now: int, backlog: int) -> bool:
    """Whether the message of a task that waits for a worker is worth sending again, with so many others in
    the queue: each copy makes a long queue longer."""
    waited = _waited(task, now)
    patience = min(LONG_WAIT_MS, (task.deadline - now + waited) // 4)
    return backlog < LONG_BACKLOG or waited >= patience


def _waited(task: Task, now: int) -> int:
    """For how long it has been as it is, and could have been taken."""
    return now - max(task.updated_at, task.not_before)


def lost(task: Task) -> Failure:
    """The failure of a task whose last worker died."""
    return Failure(
        FailureCode.WORKER_LOST,
        f"The worker was lost {task.attempt} times while executing this task; no attempts are left.",
    )


def iso8601(ms: int) -> str:
    """Unix milliseconds as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_wire(
    task: Task, output: Mapping[str, Any] | None, artifacts: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The task as callers see it (camelCase). ``output`` is its output payload, already read; ``artifacts``
    are its artifacts with addresses to read them from."""
    wire: dict[str, Any] = {
        "taskId": task.ref.task_id,
        "agentId": task.ref.agent_id,
        "status": task.status.value,
        "createdAt": iso8601(task.created_at),
        "updatedAt": iso8601(task.updated_at),
        "attempts": task.attempt,
    }
    if task.started_at is not None:
        wire["startedAt"] = iso8601(task.started_at)
    if task.completed_at is not None:
        wire["completedAt"] = iso8601(task.completed_at)
    if task.not_before > task.created_at and task.started_at is None:
        wire["notBefore"] = iso8601(task.not_before)
    if task.priority is not Priority.NORMAL:
        wire["priority"] = task.priority.value
    if task.lane is not Lane.STANDARD:
        wire["lane"] = task.lane.value
    if task.context_id is not None:
        wire["sessionId"] = task.context_id
    if task.started_at is not None and not task.is_terminal:
        wire["progress"] = _progress(task)
    if task.question is not None and task.status is Status.INPUT_REQUIRED:
        wire["question"] = task.question.text
    if output is not None or artifacts:
        wire["output"] = dict(output or {}) | ({"artifacts": list(artifacts)} if artifacts else {})
    if task.failure is not None:
        wire["errorDetails"] = {"message": task.failure.message, "code": task.failure.code.value}
    if task.usage.has_tokens:
        wire["usage"] = _usage(task.known_spent)
    return wire


def _progress(task: Task) -> dict[str, Any]:
    known = {
        "turn": task.turns + 1,
        "tool": task.progress.tool,
        "step": task.progress.step,
        "percent": task.progress.percent,
    }
    return {name: value for name, value in known.items() if value is not None}


def _usage(spent: tuple[Spent, ...]) -> dict[str, Any]:
    """The sum, and the same by model and by attempt."""
    return total(spent).to_wire() | {
        "byModel": [{"model": model} | usage.to_wire() for model, usage in by_model(spent).items()],
        "byAttempt": [{"attempt": number} | usage.to_wire() for number, usage in by_attempt(spent).items()],
    }
