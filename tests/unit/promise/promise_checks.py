"""What must be true whatever happens: checked at every call of the model, and after every write."""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from a2a_tasks.access.budgets import day_of
from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.domain.history import events
from a2a_tasks.domain.task import TRANSITIONS, Budget, Status, Task, TaskRef
from a2a_tasks.domain.usage import total
from a2a_tasks.execution.model.transcript import Transcript
from a2a_tasks.ports.slots import Scope
from a2a_tasks.tasks import payload
from a2a_tasks.views.events import events_view
from tests.twins.deployment import MAX_WAIT_MS, RETENTION_MS, Deployment
from tests.twins.model import Asked
from tests.twins.stores.tasks import Change

WORKERS_CODES = {
    FailureCode.OUTPUT_TRUNCATED,
    FailureCode.MODEL_REFUSED,
    FailureCode.MAX_TURNS_EXCEEDED,
}
"""Failures that only the worker that holds the task can find."""
TIMEOUTS = {FailureCode.TIMEOUT, FailureCode.QUEUE_TIMEOUT}


@dataclass
class Checks:
    """Of one deployment. ``limits`` are how many tasks of an agent may run at a time.

    A process that stood still for a while may make one more call of the model before it can know that it has
    lost its task; what is asked then is held to nothing.
    """

    deployment: Deployment
    limits: dict[str, int]
    attached: set[TaskRef] = field(default_factory=set)
    broken: list[AssertionError] = field(default_factory=list)
    _checked: int = 0
    _learned: int = 0
    _written: tuple[int, int] = (0, 0)
    _refs: dict[str, TaskRef] = field(default_factory=dict)
    _tasks: dict[TaskRef, Task] = field(default_factory=dict)
    _claims: list[str | None] = field(default_factory=list)
    _requests: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deployment.model.watchers.append(self.watch)

    def task(self, message: str) -> Task:
        """The task that this message is for, as it is or last was: no two have the same."""
        self._learn()
        return self._tasks[self._refs[message]]

    def _learn(self) -> None:
        """Take in what was written, while all payloads of it are there."""
        for change in self.deployment.store.changes[self._learned :]:
            if change.method == "create":
                document = payload.load(self.deployment.payloads, change.after.input)
                self._refs[document["message"]] = change.after.ref
            self._tasks[change.after.ref] = change.after
        self._learned = len(self.deployment.store.changes)

    def watch(self, asked: Asked) -> None:
        """At the beginning of every call of the model. The worker survives what is raised here."""
        try:
            if not self._may_be_stale(asked):
                self._check_call(asked)
        except AssertionError as broken:
            self.broken.append(broken)

    def _check_call(self, asked: Asked) -> None:
        task = self.task(asked.message)
        assert task.status is Status.RUNNING or task.is_terminal, "canceled, and its worker has not noticed"
        saved = saved_turns(self.deployment, task)
        assert asked.turns == saved, "a saved turn is not bought again"
        self._check_said_before(task, asked)
        before = self._requests.get(asked.message, [])
        assert asked.request.messages[: len(before)] == before, "each request extends the one before"
        self._requests[asked.message] = asked.request.messages
        self._check_limits()
        self._check_budgets(task)

    def _check_said_before(self, task: Task, asked: Asked) -> None:
        """The conversation so far: all that was asked and answered in it, as far as it is kept."""
        told = [message["content"][-1]["text"] for message in asked.history]
        known = [self.task(message) for message in told[::2]]
        assert all(
            other.status is Status.COMPLETED and other.context is not None and other.context == task.context
            for other in known
        )
        ended = [other.completed_at or 0 for other in known]
        assert ended == sorted(ended), "in the order of the answers"
        if asked.turns == 0 and task.context is not None:
            kept = self.deployment.store.tasks.values()
            earlier = {other.ref for other in kept if _is_answered(other) and other.context == task.context}
            assert earlier <= {other.ref for other in known}, "and nothing is forgotten"

    def check_changes(self) -> None:
        """After every step: all calls and writes since the last one."""
        if self.broken:
            raise self.broken[0]
        self._learn()
        new = self.deployment.store.changes[self._checked :]
        self._checked += len(new)
        for change in new:
            if change.method == "note_counted":
                assert change.before is not None
                assert change.after == replace(change.before, counted=change.after.counted)
                continue
            if change.before is not None and change.before.is_terminal:
                self._check_attached(change.before, change.after)
                continue
            assert_fenced(change)
            self._assert_nobody_held(change)
            check_told(change)
            self._check_history(change)

    def check_counts(self) -> None:
        """Each claim makes one call at most whose reply is not saved as a turn: its last."""
        saved: Counter[str] = Counter()
        for (task_id, key), count in self.deployment.records.writes.items():
            saved[task_id] += count if is_turn(key) else 0
        calls = Counter(asked.message for asked in self.deployment.model.asked)
        bought = Counter(asked.message for asked in self.deployment.model.asked if asked.reply)
        for message, count in calls.items():
            task = self.task(message)
            assert count <= saved[task.ref.task_id] + task.fence
            own = total(spent for spent in task.spent if spent.task_id is None)
            assert own.turns <= bought[message], "only what was bought is paid for"

    def check_transcripts(self) -> None:
        """What the tools did is what the conversation says: each task that was started is the one that a
        saved call names, each artifact that was promised is there, and nothing was written twice."""
        written = self.deployment.records.writes.total(), len(self.deployment.store.changes)
        if written == self._written:
            return
        self._written = written
        tasks = {ref: task for ref, task in self.deployment.store.tasks.items() if self._is_kept(task)}
        transcripts = {ref: self._transcript(ref) for ref, task in tasks.items() if task.turns}
        for ref, task in tasks.items():
            if task.parent is not None and task.parent.ref in transcripts:
                calls = [call for turn in transcripts[task.parent.ref].turns for call in turn.calls]
                assert ref in [call.child for call in calls if call.call_id == task.parent.call_id]
            if ref in transcripts:
                assert set(transcripts[ref].artifacts.values()) <= set(task.artifacts)
        assert all(count == 1 for count in Counter(self.deployment.workspaces.calls).values())

    def _transcript(self, ref: TaskRef) -> Transcript:
        payloads, records = self.deployment.payloads, self.deployment.records.records(ref.task_id)
        documents = [(record.key, payload.load(payloads, record.payload)) for record in records]
        return Transcript.from_documents({}, documents)

    def _is_kept(self, task: Task) -> bool:
        now = self.deployment.clock.now()
        return (task.completed_at or now) + RETENTION_MS > now

    def _may_be_stale(self, asked: Asked) -> bool:
        freeze = asked.process.freeze if asked.process else None
        return freeze is not None and freeze.has_begun()

    def _check_limits(self) -> None:
        calls = [asked for asked in self.deployment.model.under_way if not self._may_be_stale(asked)]
        tasks = [self.task(asked.message) for asked in calls]
        assert len({task.ref for task in tasks}) == len(tasks), "no task is worked on twice at a time"
        for agent_id, count in Counter(task.ref.agent_id for task in tasks).items():
            assert count <= self.limits[agent_id]
        contexts = Counter((task.ref.agent_id, task.context_id) for task in tasks if task.context_id)
        assert all(count == 1 for count in contexts.values())

    def _check_budgets(self, task: Task) -> None:
        assert not task.budget.is_used_up(task.usage)
        settings = self.deployment.registry.projects[task.project_id]
        today = day_of(self.deployment.clock.now())
        spent = self.deployment.spend.spend(task.project_id, today)
        assert not Budget(tokens=settings.daily_tokens).is_used_up(spent)

    def _check_history(self, change: Change) -> None:
        """What a worker ends carries the id of its claim, and none that was overtaken has ended anything. A
        task that waits for others goes on when all of them have ended."""
        after = change.after
        if change.method == "claim":
            assert after.claim_id not in self._claims
            self._claims.append(after.claim_id)
        elif change.method == "finish":
            assert after.finish_id == after.claim_id or after.finish_id not in self._claims
        elif change.method == "wake" and change.before is not None:
            assert all(self._tasks[ref].is_terminal for ref in change.before.awaits)

    def _assert_nobody_held(self, change: Change) -> None:
        """When a running task is claimed its worker can never come back to it: its lease is broken or gone,
        or it has disowned that claim."""
        before = change.before
        if change.method == "claim" and before is not None and before.status is Status.RUNNING:
            lease = self.deployment.workers.lease(before.held_by or "")
            assert lease is None or not lease.covers(before)

    def _check_attached(self, before: Task, after: Task) -> None:
        """The only change of an ended task: what its worker still had, once."""
        assert before.ref not in self.attached
        self.attached.add(before.ref)
        assert before.output is None
        assert before.status in (Status.CANCELED, Status.FAILED)
        assert after == replace(before, output=after.output, spent=after.spent, held_by=None)


def is_turn(key: str) -> bool:
    return key.startswith("TURN#") and "#TOOL#" not in key


def saved_turns(deployment: Deployment, task: Task) -> int:
    records = deployment.records.records(task.ref.task_id)
    return sum(is_turn(record.key) for record in records)


def check_slots(deployment: Deployment, limits: dict[str, int]) -> None:
    """Never more than the limit hold a slot, and of a conversation only one task is under way."""
    for scope, most in deployment.slot_store.most.items():
        assert most <= (limits[scope.agent_id] if scope.context_id is None else 1)
    begun = Counter(
        Scope(task.ref.agent_id, task.context_id)
        for task in deployment.store.tasks.values()
        if task.context_id is not None and task.started_at is not None and not task.is_terminal
    )
    assert all(count == 1 for count in begun.values())


def check_told(change: Change) -> None:
    """A write to a live task: its events are those before and at most one more, which is the change."""
    before, after = change.before, change.after
    told, earlier = all_events(after), all_events(before) if before is not None else []
    assert [event["id"] for event in told] == [str(number) for number in range(1, len(told) + 1)]
    assert told[: len(earlier)] == earlier
    assert len(told) - len(earlier) == (1 if is_told(change) else 0)
    states = [event for event in told if event["type"] == "status"]
    assert Status(states[0]["status"]) is Status.PENDING
    for left, right in pairwise(states):
        assert Status(right["status"]) in TRANSITIONS[Status(left["status"])]
    assert states[-1]["status"] == after.status
    if after.failure is not None:
        assert states[-1]["code"] == after.failure.code
    if after.status is Status.RUNNING:
        assert states[-1]["attempt"] == after.attempt
    assert [event["turn"] for event in told if event["type"] == "turn"][-1:] == [after.turns][: after.turns]
    saved = [event["artifactId"] for event in told if event["type"] == "artifact"]
    assert saved == [artifact.artifact_id for artifact in after.artifacts]


def all_events(task: Task) -> list[dict[str, Any]]:
    """As its caller sees them."""
    shown: list[dict[str, Any]] = events_view(events.events_after(task, 0, len(task.events)))["events"]
    return shown


def is_told(change: Change) -> bool:
    """Whether a write tells something: every change of state does, and what a worker does but for what it
    does again or only counts."""
    before, after = change.before, change.after
    if before is None or change.method in ("claim", "release", "request_input", "resume", "finish"):
        return True
    return change.method == "advance" and len(after.events) > len(before.events)


def assert_fenced(change: Change) -> None:
    """A write to a live task: what it may change, and who may make it."""
    before, after = change.before, change.after
    if before is None:
        assert (after.status, after.fence, after.attempt) == (Status.PENDING, 0, 0)
        return
    if change.method == "claim":
        assert (after.fence, after.attempt) == (before.fence + 1, before.attempt + 1)
        assert after.updated_at < after.deadline
        assert before.not_before <= after.updated_at
        assert not before.awaits
    else:
        assert (after.fence, after.claim_id) == (before.fence, before.claim_id)
        given_back = before.attempt - after.attempt
        assert given_back in ((0, 1) if change.method in ("release", "request_input") else (0,))
    check_deadline(change, before, after)
    by_worker = after.failure is not None and after.failure.code in WORKERS_CODES
    if after.status is Status.COMPLETED or by_worker:
        assert after.finish_id == before.claim_id, "only the worker that holds the task writes its result"


def check_deadline(change: Change, before: Task, after: Task) -> None:
    """It moves only where one clock stops for the other, and whatever counts has happened before it."""
    if change.method == "request_input":
        assert after.deadline == after.updated_at + MAX_WAIT_MS
        assert after.paused_ms == max(1_000, before.deadline - after.updated_at)
    elif change.method == "resume":
        assert after.updated_at < before.deadline
        assert after.deadline == after.updated_at + (before.paused_ms or 0)
    elif change.method == "claim" and before.waits_for_start:
        ends = [after.updated_at + (before.paused_ms or 0), before.ends_by]
        assert after.deadline == min(end for end in ends if end is not None)
        assert after.queue_left_ms == before.deadline - after.updated_at
    elif after.waits_for_start and not before.waits_for_start:
        assert after.deadline <= after.updated_at + (before.queue_left_ms or 0)
        assert after.paused_ms == max(1_000, before.deadline - after.updated_at)
    else:
        assert after.deadline == before.deadline
    if after.completed_at is not None:
        timed_out = after.failure is not None and after.failure.code in TIMEOUTS
        in_time = after.completed_at < after.deadline
        assert in_time or after.status is Status.FAILED
        assert timed_out <= (not in_time)


def _is_answered(task: Task) -> bool:
    return task.status is Status.COMPLETED
