"""Accepting tasks: store, then announce, then respond."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from a2a_tasks.access.budgets import DailyBudgets, seconds_to_next_day
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.domain import ids
from a2a_tasks.domain.agents.agent import AgentRevision, resolve_model
from a2a_tasks.domain.errors import ErrorCode, RequestRefused, invalid
from a2a_tasks.domain.history import events
from a2a_tasks.domain.schedule import MAX_QUEUE_DELAY_MS, due_after_create, whole_seconds
from a2a_tasks.domain.task import Budget, Lane, Parent, Priority, Status, Task, TaskRef
from a2a_tasks.domain.tracing import task_spans
from a2a_tasks.domain.tracing.task_trace import TaskTrace
from a2a_tasks.domain.tracing.trace_context import TraceContext
from a2a_tasks.domain.usage import NOTHING
from a2a_tasks.domain.webhooks.push import PushConfig
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.queues import BatchQueue, TaskSender
from a2a_tasks.ports.registry import AgentReader
from a2a_tasks.ports.tasks import ContextStore, Reservation, ReservationStore, TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.tasks import content, payload
from a2a_tasks.tasks.notify_targets import GroupPolicy, NoGroups, PushPolicy

PENDING_RETRY_SECONDS = 10
"""``Retry-After`` when an agent has too many pending tasks. When one of them will begin is not known."""
RESERVED_MS = 24 * 3_600_000
"""Lifetime of an idempotency key."""
MAX_BATCH_TIMEOUT_MS = 24 * 3_600_000
"""A Message Batch ends within a day (Anthropic's documentation)."""


def agent_of_project(registry: AgentReader, project_id: str, agent_id: str) -> AgentRevision:
    """The caller's agent. An agent of another project is answered exactly like a missing one. Raises
    ``RequestRefused`` (AGENT_NOT_FOUND)."""
    agent = registry.agent(agent_id) if ids.AGENT_ID.fullmatch(agent_id) else None
    if agent is None or agent.project_id != project_id:
        raise RequestRefused(ErrorCode.AGENT_NOT_FOUND, "There is no such agent.")
    return agent


@dataclass(frozen=True)
class ChildOrigin:
    """Where a task that an agent starts comes from."""

    parent: Parent
    depth: int
    task_id: str
    """Chosen and stored with the tool call before the task is created, so that a repeated call starts no
    second task."""
    deadline: int
    """The parent's deadline (Unix milliseconds), which the task does not exceed."""
    trace: TaskTrace | None = None
    """The parent's trace, with the tool call as the span above."""


@dataclass(frozen=True)
class Idempotency:
    """An idempotency key."""

    key: str
    digest: str
    """Digest of the request."""
    ttl_ms: int = RESERVED_MS
    """Lifetime of the key in milliseconds."""


def key_reused() -> RequestRefused:
    """The error for a key that was used with a different request."""
    return RequestRefused(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "This Idempotency-Key belongs to another request of the last 24 hours; use a new key for a new one.",
    )


@dataclass(frozen=True)
class Submission:
    """What a caller requests. None means the agent's default. Times are Unix milliseconds, durations
    milliseconds."""

    project_id: str
    agent_id: str
    message: str
    """Text of the message."""
    context: dict[str, Any] | None
    timeout_ms: int | None
    correlation_id: str
    priority: Priority = Priority.NORMAL
    lane: Lane = Lane.STANDARD
    not_before: int | None = None
    max_attempts: int | None = None
    budget: Budget = field(default_factory=Budget)
    context_id: str | None = None
    begins_context: bool = False
    """Without ``context_id``: start a conversation, named after this task."""
    queue_timeout_ms: int | None = None
    max_queue_timeout_ms: int | None = None
    """Upper limit of the queue timeout, whatever the agent's, because a later answer could not be
    delivered."""
    origin: ChildOrigin | None = None
    idempotency: Idempotency | None = None
    live: bool = False
    """The text is to be published as it is generated."""
    parts: tuple[Mapping[str, Any], ...] = ()
    """The message with files and data, if it has more than text (tasks/content.py)."""
    envelope: Mapping[str, Any] | None = None
    """Fields of an A2A message besides its parts (``messageId``, ``metadata`` …), which are returned
    unchanged."""
    push: PushConfig | None = None
    groups: tuple[str, ...] = ()
    """WeCom group connections to notify in addition to the agent's."""
    notifies: bool = False
    """Changes are notified even without ``push``, as for requests from a chat."""
    spender: str | None = None
    """Whose usage is counted by day beside the project's: a person who has a limit of their own."""
    key_id: str | None = None
    """The caller, as in ``Task``."""
    retry_of: str | None = None
    """The ended task that it repeats."""
    is_untrusted: bool = False
    """Content from outside may have influenced the message."""
    trace: TraceContext | None = None
    """The caller's span."""

    def to_document(self) -> dict[str, Any]:
        """The task's input as stored."""
        known = {
            "message": self.message,
            "context": self.context,
            "parts": list(self.parts) or None,
            "envelope": self.envelope,
            "untrusted": self.is_untrusted or None,
        }
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Submitter:
    """Creates tasks."""

    store: TaskStore
    registry: AgentReader
    payloads: PayloadStore
    queue: TaskSender
    slots: Slots
    contexts: ContextStore
    batches: BatchQueue
    reservations: ReservationStore
    budgets: DailyBudgets
    push: PushPolicy
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    aliases: dict[str, str]
    """Model ids by alias."""
    max_attempts: int
    """Default limit of attempts."""
    max_timeout_ms: int
    """Upper limit of run times, including agents' defaults."""
    has_batches: bool
    groups: GroupPolicy = field(default_factory=NoGroups)
    recorded_share: float | None = None
    """Share of tasks whose traces are recorded, from 0 to 1. None if tracing is off."""

    def submit(self, submission: Submission, held: Reservation | None = None) -> Task:
        """Create and announce a task. If the announcement is lost, the sweeper repeats it, because the
        task is due.

        An idempotency key always leads to the same task: its id is reserved first, so that concurrent
        requests, and retries after a crash, create or find this task. ``held`` is what ``reserve`` returned
        for the key, if it was called before.

        Raises:
            RequestRefused: Not accepted; the error says why.
            StoreUnavailable: Not known to be accepted; retry with the same idempotency key.
            PayloadUnavailable: Likewise.
            SealingUnavailable: Likewise.
        """
        agent = agent_of_project(self.registry, submission.project_id, submission.agent_id)
        now = self.clock.now()
        # reserved first: after a crash, a retry with the same key continues with the same task
        held = held or self._reserved(submission)
        task_id = held.task_id if held else self._task_id(submission, now)
        # a new reservation has no task yet, which saves most requests this read
        may_be_there = submission.origin is not None or (held is not None and not held.is_new)
        if may_be_there and (found := self.store.get(TaskRef(agent.agent_id, task_id))):
            if submission.origin is not None and not found.is_terminal:
                self._announce(found)  # its creator may have died before announcing it
            return found  # even if a new task would be refused now
        if not agent.enabled:
            raise RequestRefused(ErrorCode.AGENT_DISABLED, "This agent is disabled and takes no new tasks.")
        # checked before anything but the reservation is stored, so that a refused request can be retried with
        # the same key
        self._check(agent, submission)
        # stores the input first, so that a record never refers to a missing text; a text without a record is
        # deleted by TTL
        task = self._new_task(agent, submission, task_id, now)
        if task.context is not None:
            # before the task is stored, so that a later task of the conversation sees it and cannot overtake
            # it
            self.contexts.add(task.context, task_id)
            self.slots.register(task)
        self._keep_push(task, submission)
        # False if an earlier request has created the task; it may have died before announcing it
        is_new = self.store.create(task)
        if is_new:
            self.telemetry.count("TasksCreated")
            self.telemetry.event("task accepted", task)
        # announced even if it existed already. After the write, because a worker deletes the message of a
        # missing task
        self._announce(task)
        if is_new:
            self.telemetry.span(task_spans.submitted(task, self.clock.now()))
        return task

    def create_expired(self, submission: Submission) -> Task:
        """Create a task past its deadline, which no worker can claim: a record of a request that its agent
        does not accept. The caller fails it at once; if it crashes before that, the task times out.

        Raises the same errors as ``submit``.
        """
        agent = agent_of_project(self.registry, submission.project_id, submission.agent_id)
        now = self.clock.now()
        if submission.parts:
            content.check(submission.parts)
        if submission.push is not None:
            self.push.check(submission.project_id, submission.push, "pushNotificationConfig")
        held = self._reserved(submission)
        task_id = held.task_id if held else self._task_id(submission, now)
        task = self._new_task(agent, submission, task_id, now)
        task = replace(task, not_before=0, deadline=now, paused_ms=None, due_at=now)
        if task.context is not None:
            self.contexts.add(task.context, task.ref.task_id)
        self._keep_push(task, submission)
        return task if self.store.create(task) else self.store.get(task.ref) or task

    def _keep_push(self, task: Task, submission: Submission) -> None:
        if submission.push is not None:
            # before the task, so that no change is missed; the id is derived, so a retry replaces the same
            # configuration
            task_id = task.ref.task_id
            self.push.keep(task_id, submission.push.config_id or task_id, submission.push)

    def _task_id(self, submission: Submission, now: int) -> str:
        """The id chosen by the parent, or a new one."""
        if submission.origin is not None:
            return submission.origin.task_id
        return ids.task_id(now, self.entropy.bytes(10))

    def _reserved(self, submission: Submission) -> Reservation | None:
        """The reservation of the submission's key, if it has one."""
        if submission.origin is not None or submission.idempotency is None:
            return None
        return self.reserve(submission, submission.idempotency)

    def reserve(
        self,
        submission: Submission,
        asked: Idempotency,
        asking: Task | None = None,
        replaced: str | None = None,
    ) -> Reservation:
        """The reservation of the caller's key: an earlier one, or else the question of the task
        ``asking``, or a new task. A reservation of the task ``replaced`` is replaced by a new one.

        Raises ``RequestRefused`` (IDEMPOTENCY_KEY_REUSED) and ``StoreUnavailable``.
        """
        now = self.clock.now()
        task_id = asking.ref.task_id if asking else ids.task_id(now, self.entropy.bytes(10))
        call_id = asking.question.call_id if asking and asking.question else None
        wanted = Reservation(task_id, asked.digest, now + asked.ttl_ms, call_id)
        # one of several concurrent requests stores its reservation; the others get that one
        held = self.reservations.reserve(
            submission.project_id, submission.agent_id, asked.key, wanted, now, replaced
        )
        if held.digest != asked.digest:
            raise key_reused()
        return replace(held, is_new=held is wanted)

    def _announce(self, task: Task) -> None:
        delay_ms = max(0, task.not_before - task.created_at)
        try:
            if task.lane is Lane.BATCH:
                self.batches.enqueue(task, self.clock.now())
            elif delay_ms <= MAX_QUEUE_DELAY_MS:  # else the sweeper sends it shortly before its start
                self.queue.send(task, whole_seconds(delay_ms))
        except (QueueUnavailable, StoreUnavailable) as error:
            # the task is accepted anyway: it is due, so the sweeper announces it
            self.telemetry.problem(
                "task not announced; the sweeper will announce it", task, reason=str(error)
            )

    def _check(self, agent: AgentRevision, submission: Submission) -> None:
        if submission.parts:
            content.check(submission.parts)
        if submission.lane is Lane.BATCH:
            self._check_batch(agent, submission)
        if submission.push is not None:
            self.push.check(submission.project_id, submission.push, "pushNotificationConfig")
        self.groups.check(submission.project_id, submission.groups)
        limit = agent.max_attempts or self.max_attempts
        if submission.max_attempts is not None and submission.max_attempts > limit:
            raise invalid("maxAttempts", f"is {submission.max_attempts}; this agent allows {limit}")
        if self.budgets.is_used_up(submission.project_id):
            raise RequestRefused(
                ErrorCode.BUDGET_EXCEEDED,
                "The project's budget for today is used up; it begins anew at midnight UTC.",
                retry_after=seconds_to_next_day(self.clock.now()),
            )
        # last, because it reads the most
        if self._has_too_many_pending(agent):
            raise RequestRefused(
                ErrorCode.RATE_LIMIT_EXCEEDED,
                f"{agent.max_pending_tasks:,} tasks wait for this agent, which is as many as may"
                " (maxPendingTasks); try again when some have begun.",
                retry_after=PENDING_RETRY_SECONDS,
            )

    def _has_too_many_pending(self, agent: AgentRevision) -> bool:
        limit = agent.max_pending_tasks
        if limit is None or self.store.count_pending(agent.agent_id, limit, self.clock.now()) < limit:
            return False
        self.telemetry.count("RateLimited", code="PENDING")
        return True

    def _check_batch(self, agent: AgentRevision, submission: Submission) -> None:
        if not self.has_batches:
            raise invalid("lane", "is batch, which this deployment's Claude backend does not have")
        if agent.allowed_tools:
            raise invalid("lane", "is batch, which is for agents without tools: a batch has a single turn")
        if submission.context_id is not None or submission.begins_context:
            raise invalid("lane", "is batch, which is not for conversations: they go on one task at a time")
        if any(map(content.office_file_of, submission.parts)):
            raise invalid("lane", "is batch, which takes no Office files; send them as text or PDF")

    def _new_task(self, agent: AgentRevision, submission: Submission, task_id: str, now: int) -> Task:
        origin = submission.origin
        has_budget = self.budgets.settings(agent.project_id).has_budget
        not_before = submission.not_before or 0
        timeout_ms = self._timeout(agent, submission)
        queue_timeout_ms = _queue_timeout(agent, submission)
        groups = tuple(dict.fromkeys((*agent.notify, *submission.groups)))
        deadline = max(now, not_before) + queue_timeout_ms
        if origin is not None:
            deadline = min(deadline, origin.deadline)
        return Task(
            ref=TaskRef(agent.agent_id, task_id),
            project_id=agent.project_id,
            status=Status.PENDING,
            created_at=now,
            updated_at=now,
            deadline=deadline,
            input=payload.save(self.payloads, task_id, "input", submission.to_document()),
            agent_revision=agent.revision,
            # the resolved id, because an alias may change with the next deployment
            model=resolve_model(agent.model, self.aliases),
            max_attempts=submission.max_attempts or agent.max_attempts or self.max_attempts,
            correlation_id=submission.correlation_id,
            not_before=not_before,
            due_at=due_after_create(now, deadline, not_before),
            timeout_ms=timeout_ms,
            queue_timeout_ms=queue_timeout_ms,
            paused_ms=timeout_ms,
            ends_by=origin.deadline if origin else None,
            priority=submission.priority,
            lane=submission.lane,
            context_id=submission.context_id or (task_id if submission.begins_context else None),
            budget=_smaller(submission.budget, Budget(agent.max_cost_usd, agent.max_task_tokens)),
            parent=origin.parent if origin else None,
            depth=origin.depth if origin else 0,
            bounds_tries=submission.max_attempts is not None,
            counts_as_pending=agent.max_pending_tasks is not None,
            live=submission.live,
            notifies=submission.notifies or submission.push is not None or bool(groups),
            groups=groups,
            spender=submission.spender,
            key_id=submission.key_id,
            retry_of=submission.retry_of,
            counted=NOTHING if submission.spender or has_budget else None,
            trace=origin.trace if origin else self._trace(task_id, submission),
            events=(events.accepted(now),),
        )

    def _trace(self, task_id: str, submission: Submission) -> TaskTrace | None:
        return TaskTrace.of_new_task(task_id, submission.trace, self.recorded_share)

    def _timeout(self, agent: AgentRevision, submission: Submission) -> int:
        if submission.lane is Lane.BATCH:
            return submission.timeout_ms or MAX_BATCH_TIMEOUT_MS
        return min(submission.timeout_ms or agent.timeout_ms, self.max_timeout_ms)


def _queue_timeout(agent: AgentRevision, submission: Submission) -> int:
    asked = submission.queue_timeout_ms or agent.queue_timeout_ms
    return min(asked, submission.max_queue_timeout_ms or asked)


def _smaller(asked: Budget, allowed: Budget) -> Budget:
    return Budget(_least(asked.cost_usd, allowed.cost_usd), _least(asked.tokens, allowed.tokens))


def _least[N: (int, Decimal)](left: N | None, right: N | None) -> N | None:
    known = [value for value in (left, right) if value is not None]
    return min(known) if known else None
