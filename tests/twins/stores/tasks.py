"""The task store in memory: every rule of the domain is evaluated, and every change checked against it."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.domain.dead_letter import Undelivered
from a2a_tasks.domain.guards import Guard
from a2a_tasks.domain.history import events
from a2a_tasks.domain.history.event import EventType
from a2a_tasks.domain.ids import IdRange, is_task_id, shard
from a2a_tasks.domain.record_keys import call_key
from a2a_tasks.domain.schedule import Clocks, claimable, due_after_release, grantable
from a2a_tasks.domain.task import TRANSITIONS, Outcome, Payload, Slot, Status, Task, TaskRef
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.domain.usage import Spent, Usage
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.tasks import (
    Advance,
    Claim,
    DueEntry,
    EndedPage,
    InputRequest,
    InvalidCursor,
    Postponement,
    Refused,
    Release,
    TaskPage,
    TaskSummary,
    Written,
)


class IllegalChange(AssertionError):
    """A write that the domain's rules forbid, although its condition was true."""


@dataclass(frozen=True)
class Change:
    """One write that took effect; ``before`` is None for a new task."""

    method: str
    before: Task | None
    after: Task


class MemoryTaskStore:
    """``TaskStore``, atomic under one lock. ``changes`` is the history of all writes that took effect. Tasks
    past their retention by ``clock`` cannot be read, and are deleted by ``pass_ttl``."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock
        self.tasks: dict[TaskRef, Task] = {}
        self.retain_until: dict[TaskRef, int] = {}
        self.forget_at: dict[TaskRef, int] = {}
        self.changes: list[Change] = []
        self.finishes: Counter[TaskRef] = Counter()
        self._lock = threading.RLock()

    def create(self, task: Task) -> bool:
        with self._lock:
            if task.ref in self.tasks:
                return False
            self.tasks[task.ref] = task
            self.changes.append(Change("create", None, task))
            return True

    def get(self, ref: TaskRef) -> Task | None:
        return self.tasks.get(ref) if self._is_kept(ref) else None

    def get_eventually_consistent(self, ref: TaskRef) -> Task | None:
        return self.get(ref)

    def read(self, ref: TaskRef) -> Task | None:
        return self.get(ref)

    def get_all(self, refs: Sequence[TaskRef]) -> list[Task]:
        return [task for ref in refs if (task := self.get(ref)) is not None]

    def page(
        self, agent_id: str, status: Status | None, limit: int, cursor: str | None, now: int = 0
    ) -> TaskPage:
        wanted = TaskFilter() if status is None else TaskFilter(frozenset({status}))
        return self.search([agent_id], wanted, limit, cursor, now)

    def search(
        self, agent_ids: Sequence[str], wanted: TaskFilter, limit: int, cursor: str | None, now: int
    ) -> TaskPage:
        if cursor is not None and not is_task_id(cursor):
            raise InvalidCursor(cursor)
        in_time = [task for id_ in agent_ids for task in self._of_agent(id_, wanted.ids_before(cursor))]
        found = [task for task in in_time if wanted.shows(task, now)]
        found.sort(key=lambda task: task.ref.task_id, reverse=True)
        more = len(found) > limit
        return TaskPage(found[:limit], found[limit - 1].ref.task_id if more else None)

    def ended(self, agent_id: str, ids: IdRange, position: str | None, limit: int) -> EndedPage:
        if position is not None and not is_task_id(position):
            raise InvalidCursor(position)
        left = self._of_agent(agent_id, replace(ids, first=position or ids.first))
        left.sort(key=lambda task: task.ref.task_id)
        ended = [TaskSummary.of(task) for task in left[:limit] if task.is_terminal]
        position = left[limit].ref.task_id if len(left) > limit else None
        return EndedPage(ended, min(len(left), limit), position)

    def _of_agent(self, agent_id: str, ids: IdRange) -> list[Task]:
        with self._lock:
            kept = [task for task in self.tasks.values() if self._is_kept(task.ref)]
        of_agent = [task for task in kept if task.ref.agent_id == agent_id]
        return [task for task in of_agent if ids.first <= task.ref.task_id <= ids.last]

    def summaries(self, agent_id: str, limit: int) -> list[TaskSummary]:
        return [TaskSummary.of(task) for task in self.page(agent_id, None, limit, None).tasks]

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        def free(task: Task) -> bool:
            is_taken = task.status is Status.RUNNING
            from_whom = task.held_by == claim.taken_from
            due_at = task.due_at if claim.due_at is None else claim.due_at
            in_time = claim.clocks is None or due_at is None or due_at <= claim.clocks.deadline
            may = claimable(task, claim.now) and (from_whom or not is_taken)
            return task.fence == claim.fence and may and in_time

        def taken(task: Task) -> Task:
            if (clocks := claim.clocks) is not None:
                task = replace(task, deadline=clocks.deadline, queue_left_ms=clocks.left_ms, paused_ms=None)
            return replace(
                task,
                status=Status.RUNNING,
                claim_id=claim.claim_id,
                held_by=claim.held_by,
                message_id=task.message_id if claim.message_id is None else claim.message_id,
                due_at=task.due_at if claim.due_at is None else claim.due_at,
                updated_at=claim.now,
                started_at=claim.now if task.started_at is None else task.started_at,
                attempt=task.attempt + 1,
                fence=task.fence + 1,
                counts_as_pending=False,
                undelivered=None,
                cut_off=False,
                spent=task.spent if claim.spent is None else claim.spent,
                counted=task.counted if claim.counted is None else claim.counted,
                slot=claim.slot,
                events=(*task.events, events.claimed(claim.now)),
            )

        result = self._change("claim", ref, free, taken)
        if isinstance(result, Refused) and result.current and result.current.claim_id == claim.claim_id:
            return Written(result.current)
        return result

    def grant(
        self, ref: TaskRef, fence: int, now: int, slot: Slot | None, due_at: int | None
    ) -> Written | Refused:
        return self._change(
            "grant",
            ref,
            lambda task: grantable(task, fence, now, slot),
            lambda task: replace(
                task,
                slot=slot or task.slot,
                due_at=task.due_at if due_at is None else due_at,
            ),
        )

    def withdraw(self, ref: TaskRef, slot: Slot) -> None:
        self._change(
            "withdraw",
            ref,
            lambda task: task.status is Status.PENDING and task.slot == slot,
            lambda task: replace(task, slot=None),
        )

    def advance(self, ref: TaskRef, fence: int, advance: Advance) -> Written | Refused:
        def advanced(task: Task) -> Task:
            told = advance.event
            return replace(
                task,
                updated_at=advance.now,
                spent=task.spent if advance.spent is None else advance.spent,
                counted=task.counted if advance.counted is None else advance.counted,
                turns=task.turns if advance.turns is None else advance.turns,
                progress=task.progress if advance.progress is None else advance.progress,
                artifacts=task.artifacts if advance.artifacts is None else advance.artifacts,
                events=task.events if told is None else events.with_event(task.events, told),
            )

        return self._change("advance", ref, _held_under(fence), advanced)

    def release(self, ref: TaskRef, fence: int, release: Release) -> Written | Refused:
        def released(task: Task) -> Task:
            return replace(
                task,
                status=Status.PENDING,
                not_before=release.not_before,
                due_at=release.due_at,
                updated_at=release.now,
                spent=release.spent,
                attempt=task.attempt - release.keeps_attempt,
                awaits=release.awaits,
                model=release.overload.model if release.overload else task.model,
                overloads=release.overload.count if release.overload else 0,
                cut_off=release.cut_off,
                held_by=None,
                counted=task.counted if release.counted is None else release.counted,
                throttled_calls=release.throttled_calls,
                events=events.with_event(task.events, release.event),
                **_run_stands_still(task, release.clocks),
            )

        return _or_done(self._change("release", ref, _held_under(fence), released), fence, Status.PENDING)

    def postpone(self, ref: TaskRef, fence: int, postponement: Postponement) -> Written | Refused:
        now = postponement.now
        return self._change(
            "postpone",
            ref,
            lambda task: (
                task.status is Status.PENDING
                and task.fence == fence
                and task.not_before <= now < task.deadline
                and not task.awaits
            ),
            lambda task: replace(
                task,
                not_before=postponement.not_before,
                due_at=postponement.due_at,
                updated_at=now,
                throttled_calls=postponement.throttled_calls,
                slot=None,
                **_run_stands_still(task, postponement.clocks),
            ),
        )

    def request_input(self, ref: TaskRef, fence: int, request: InputRequest) -> Written | Refused:
        def paused(task: Task) -> Task:
            return replace(
                task,
                status=Status.INPUT_REQUIRED,
                question=request.question,
                deadline=request.deadline,
                due_at=request.deadline,
                paused_ms=request.left_ms,
                updated_at=request.now,
                attempt=task.attempt - 1,
                held_by=None,
                counted=task.counted if request.counted is None else request.counted,
                events=(*task.events, events.asked(request.now)),
            )

        result = self._change("request_input", ref, _held_under(fence), paused)
        return _or_done(result, fence, Status.INPUT_REQUIRED)

    def resume(self, ref: TaskRef, call_id: str, now: int) -> Written | Refused:
        def asked(task: Task) -> bool:
            question = task.question
            is_asked = question is not None and question.call_id == call_id
            return task.status is Status.INPUT_REQUIRED and is_asked and task.deadline > now

        def resumed(task: Task) -> Task:
            deadline = now + (task.paused_ms or 0)
            return replace(
                task,
                status=Status.PENDING,
                deadline=deadline,
                due_at=due_after_release(now, deadline),
                updated_at=now,
                question=None,
                paused_ms=None,
                events=(*task.events, events.answered(now)),
                answered=(*task.answered, call_key(task.turns, call_id)),
            )

        return self._change("resume", ref, asked, resumed)

    def wake(self, ref: TaskRef, fence: int, now: int) -> Written | Refused:
        return self._change(
            "wake",
            ref,
            lambda task: task.status is Status.PENDING and task.fence == fence and bool(task.awaits),
            lambda task: replace(task, updated_at=now, awaits=()),
        )

    def enable_live(self, ref: TaskRef) -> Written | Refused:
        return self._change(
            "enable_live", ref, lambda task: not task.is_terminal, lambda task: replace(task, live=True)
        )

    def finish(self, ref: TaskRef, outcome: Outcome, guard: Guard) -> Written | Refused:
        def ended(task: Task) -> Task:
            return replace(
                task,
                status=outcome.status,
                completed_at=outcome.at,
                updated_at=outcome.at,
                finish_id=outcome.finish_id,
                output=outcome.output or task.output,
                failure=outcome.failure or task.failure,
                spent=task.spent if outcome.spent is None else outcome.spent,
                held_by=None if guard.by_holder else task.held_by,
                due_at=None,
                question=None,
                counts_as_pending=False,
                events=(*task.events, events.ended(outcome)),
            )

        with self._lock:
            result = self._change("finish", ref, guard.allows, ended)
            if isinstance(result, Written):
                self.retain_until[ref] = outcome.retain_until
                self.finishes[ref] += 1
            elif result.current and result.current.finish_id == outcome.finish_id:
                return Written(result.current)
            return result

    def add_partial_output(
        self, ref: TaskRef, fence: int, output: Payload | None, spent: tuple[Spent, ...]
    ) -> Written | Refused:
        def may(task: Task) -> bool:
            ended_by_others = task.status in (Status.CANCELED, Status.FAILED) and task.held_by is not None
            return ended_by_others and task.fence == fence and task.output is None

        return self._change(
            "add_partial_output",
            ref,
            may,
            lambda task: replace(task, output=output or task.output, spent=spent, held_by=None),
        )

    def note_counted(self, ref: TaskRef, seen: Usage | None, counted: Usage) -> bool:
        result = self._change(
            "note_counted",
            ref,
            lambda task: task.counted == seen,
            lambda task: replace(task, counted=counted),
        )
        return isinstance(result, Written)

    def enable_notifications(self, ref: TaskRef) -> bool:
        result = self._change(
            "enable_notifications", ref, lambda _: True, lambda task: replace(task, notifies=True)
        )
        return isinstance(result, Written)

    def reschedule(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        result = self._change(
            "reschedule",
            ref,
            lambda task: task.due_at == seen_due_at and due_at <= task.deadline,
            lambda task: replace(task, due_at=due_at),
        )
        return isinstance(result, Written)

    def note_undelivered(
        self, ref: TaskRef, fence: int, seen: Undelivered | None, undelivered: Undelivered, due_at: int
    ) -> bool:
        def is_as_seen(task: Task) -> bool:
            is_open = task.status in (Status.PENDING, Status.RUNNING)
            return is_open and (task.fence, task.undelivered) == (fence, seen)

        result = self._change(
            "note_undelivered",
            ref,
            is_as_seen,
            lambda task: replace(task, undelivered=undelivered, due_at=due_at),
        )
        return isinstance(result, Written)

    def due(self, shard: int, now: int, limit: int, after: DueEntry | None = None) -> list[DueEntry]:
        with self._lock:
            times = [(ref, task.due_at) for ref, task in self.tasks.items()]
        in_time = [(ref, due_at) for ref, due_at in times if due_at is not None and due_at <= now]
        entries = [DueEntry(ref, due_at) for ref, due_at in in_time if in_shard(ref, shard)]
        if after is not None:
            entries = [due for due in entries if _place(due) > _place(after)]
        return sorted(entries, key=_place)[:limit]

    def count_pending(self, agent_id: str, limit: int, now: int) -> int:  # noqa: ARG002  always exact
        with self._lock:
            of_agent = [task for task in self.tasks.values() if task.ref.agent_id == agent_id]
        return min(limit, sum(task.counts_as_pending for task in of_agent))

    def past_retention(self, shard: int, now: int, limit: int) -> list[Task]:
        with self._lock:
            times = [(at, ref) for ref, at in self.forget_at.items() if at <= now and in_shard(ref, shard)]
            return [self.tasks[ref] for _, ref in sorted(times, key=lambda entry: entry[0])][:limit]

    def is_retained(self, task_id: str) -> bool:
        return any(ref.task_id == task_id and self._is_kept(ref) for ref in self.tasks)

    def expire(self, ref: TaskRef, at: int) -> None:
        with self._lock:
            if ref in self.retain_until:
                self.forget_at[ref] = min(self.forget_at.get(ref, at), at)

    def delete(self, ref: TaskRef) -> None:
        with self._lock:
            for rows in (self.tasks, self.retain_until, self.forget_at):
                rows.pop(ref, None)

    def delete_owned(self, task_id: str) -> None:
        """Texts are in the twin of the payloads, records in that of the records."""

    def pass_ttl(self, now: int) -> None:
        """Delete what the table's TTL deletes, hours or days later."""
        for ref in [ref for ref, until in self.retain_until.items() if until <= now]:
            self.delete(ref)

    def _is_kept(self, ref: TaskRef) -> bool:
        return self.clock is None or self.retain_until.get(ref, self.clock.now() + 1) > self.clock.now()

    def _change(
        self, method: str, ref: TaskRef, condition: Callable[[Task], bool], make: Callable[[Task], Task]
    ) -> Written | Refused:
        with self._lock:
            before = self.tasks.get(ref)
            if before is None or not condition(before):
                return Refused(before)
            after = make(before)
            _check(method, before, after)
            self.tasks[ref] = after
            self.changes.append(Change(method, before, after))
            return Written(after)


def _place(due: DueEntry) -> tuple[int, str]:
    return due.due_at, due.ref.task_id


def in_shard(ref: TaskRef, number: int) -> bool:
    return shard(ref.task_id) == number


def _run_stands_still(task: Task, clocks: Clocks | None) -> dict[str, Any]:
    if clocks is None:
        return {"deadline": task.deadline, "paused_ms": task.paused_ms, "queue_left_ms": task.queue_left_ms}
    return {"deadline": clocks.deadline, "paused_ms": clocks.left_ms, "queue_left_ms": None}


def _held_under(fence: int) -> Callable[[Task], bool]:
    return lambda task: task.status is Status.RUNNING and task.fence == fence


def _or_done(result: Written | Refused, fence: int, status: Status) -> Written | Refused:
    current = result.current if isinstance(result, Refused) else None
    done = current is not None and current.status is status and current.fence == fence
    return Written(current) if current is not None and done else result


def _check(method: str, before: Task, after: Task) -> None:
    """Raises ``IllegalChange`` for a write that would violate an invariant of tasks."""
    claimed = after.fence != before.fence
    moved = after.status is not before.status or claimed
    if before.is_terminal and (
        method not in ("add_partial_output", "enable_notifications", "note_counted") or moved
    ):
        raise IllegalChange(f"{before.ref} has {before.status} and never changes again")
    if moved and after.status not in TRANSITIONS[before.status]:
        raise IllegalChange(f"{before.ref} cannot go from {before.status} to {after.status}")
    given_back = method in ("release", "request_input")
    if after.fence < before.fence or after.attempt < before.attempt - given_back:
        raise IllegalChange(
            f"{before.ref}: the fence never falls, and an attempt only where it is given back"
        )
    if after.is_terminal != (after.due_at is None):
        raise IllegalChange(f"{before.ref}: a live task is due at some time, an ended one never")
    if after.due_at is not None and after.due_at > after.deadline:
        raise IllegalChange(f"{before.ref}: nobody would look at it at its deadline")
    _check_events(method, before, after, moved=moved)


def _check_events(method: str, before: Task, after: Task, *, moved: bool) -> None:
    """Every change of state is recorded by the write that makes it, and earlier events are unchanged."""
    if moved:
        *earlier, told = after.events
        is_told = (told.type, told.details["status"]) == (EventType.STATUS, after.status)
        # a claim that is undone may leave no trace
        kept = len(before.events) - (2 if len(earlier) < len(before.events) and method == "release" else 0)
        if not is_told or told.at != after.updated_at or tuple(earlier) != before.events[:kept]:
            raise IllegalChange(f"{before.ref}: its {after.status} is not told")
    elif after.events == before.events:
        return
    elif method != "advance" or len(after.events) not in (len(before.events), len(before.events) + 1):
        raise IllegalChange(f"{before.ref}: a {method} tells nothing, and an advance one thing")
    elif after.events[:-1] != before.events[: len(after.events) - 1]:
        raise IllegalChange(f"{before.ref}: what was told has changed")
    if events.last_number(after.events) != events.last_number(before.events) + 1:
        raise IllegalChange(f"{before.ref}: the numbers of its events do not rise by one")
