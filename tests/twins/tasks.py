"""The task store in memory: every rule of the domain is evaluated, and every change checked against it."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from a2a_tasks.domain.ids import is_task_id, shard
from a2a_tasks.domain.task import TRANSITIONS, Guard, Outcome, Status, Task, TaskRef, claimable
from a2a_tasks.domain.usage import Usage
from a2a_tasks.ports.tasks import Claim, Due, InvalidCursor, Page, Refused, Written


class IllegalChange(AssertionError):
    """A write that the domain's rules forbid, although its condition held."""


@dataclass(frozen=True)
class Change:
    """One write that took effect; ``before`` is None for a new task."""

    method: str
    before: Task | None
    after: Task


class MemoryTaskStore:
    """``TaskStore``, atomic under one lock. ``changes`` is the history of all writes that took effect."""

    def __init__(self) -> None:
        self.tasks: dict[TaskRef, Task] = {}
        self.retain_until: dict[TaskRef, int] = {}
        self.changes: list[Change] = []
        self.finishes: Counter[TaskRef] = Counter()
        self._lock = threading.RLock()

    def create(self, task: Task) -> None:
        with self._lock:
            if task.ref not in self.tasks:
                self.tasks[task.ref] = task
                self.changes.append(Change("create", None, task))

    def get(self, ref: TaskRef) -> Task | None:
        return self.tasks.get(ref)

    def page(self, agent_id: str, status: Status | None, limit: int, cursor: str | None) -> Page:
        if cursor is not None and not is_task_id(cursor):
            raise InvalidCursor(cursor)
        with self._lock:
            of_agent = [task for task in self.tasks.values() if task.ref.agent_id == agent_id]
        older = [task for task in of_agent if cursor is None or task.ref.task_id < cursor]
        found = [task for task in older if status in (None, task.status)]
        found.sort(key=lambda task: task.ref.task_id, reverse=True)
        more = len(found) > limit
        return Page(found[:limit], found[limit - 1].ref.task_id if more else None)

    def claim(self, ref: TaskRef, claim: Claim) -> Written | Refused:
        def taken(task: Task) -> Task:
            return replace(
                task,
                status=Status.RUNNING,
                claim_id=claim.claim_id,
                lease_until=claim.lease_until,
                updated_at=claim.now,
                started_at=claim.now if task.started_at is None else task.started_at,
                attempt=task.attempt + 1,
                fence=task.fence + 1,
            )

        result = self._change("claim", ref, lambda task: claimable(task, claim.now), taken)
        if isinstance(result, Refused) and result.current and result.current.claim_id == claim.claim_id:
            return Written(result.current)
        return result

    def renew(self, ref: TaskRef, fence: int, lease_until: int) -> Written | Refused:
        return self._change(
            "renew", ref, _held_under(fence), lambda task: replace(task, lease_until=lease_until)
        )

    def release(
        self, ref: TaskRef, fence: int, now: int, not_before: int, due_at: int, used: Usage
    ) -> Written | Refused:
        def released(task: Task) -> Task:
            return replace(
                task,
                status=Status.PENDING,
                not_before=not_before,
                due_at=due_at,
                updated_at=now,
                usage=used,
                lease_until=None,
            )

        result = self._change("release", ref, _held_under(fence), released)
        current = result.current if isinstance(result, Refused) else None
        if current and current.status is Status.PENDING and current.fence == fence:
            return Written(current)
        return result

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
                usage=task.usage if outcome.usage is None else outcome.usage,
                lease_until=None,
                due_at=None,
            )

        with self._lock:
            result = self._change("finish", ref, guard.allows, ended)
            if isinstance(result, Written):
                self.retain_until[ref] = outcome.retain_until
                self.finishes[ref] += 1
            elif result.current and result.current.finish_id == outcome.finish_id:
                return Written(result.current)
            return result

    def look_again(self, ref: TaskRef, seen_due_at: int, due_at: int) -> bool:
        result = self._change(
            "look_again",
            ref,
            lambda task: task.due_at == seen_due_at,
            lambda task: replace(task, due_at=due_at),
        )
        return isinstance(result, Written)

    def due(self, shard: int, now: int, limit: int) -> list[Due]:
        with self._lock:
            times = [(task.ref, task.due_at) for task in self.tasks.values()]
        entries = [Due(ref, due_at) for ref, due_at in times if due_at is not None and due_at <= now]
        entries = [due for due in entries if in_shard(due.ref, shard)]
        return sorted(entries, key=lambda due: due.due_at)[:limit]

    def past_retention(self, shard: int, now: int, limit: int) -> list[TaskRef]:
        with self._lock:
            times = [(until, ref) for ref, until in self.retain_until.items()]
        entries = [(until, ref) for until, ref in times if until <= now and in_shard(ref, shard)]
        return [ref for _, ref in sorted(entries, key=lambda entry: entry[0])][:limit]

    def delete(self, ref: TaskRef) -> None:
        with self._lock:
            self.tasks.pop(ref, None)
            self.retain_until.pop(ref, None)

    def _change(
        self, method: str, ref: TaskRef, condition: Callable[[Task], bool], make: Callable[[Task], Task]
    ) -> Written | Refused:
        with self._lock:
            before = self.tasks.get(ref)
            if before is None or not condition(before):
                return Refused(before)
            after = make(before)
            _check(before, after)
            self.tasks[ref] = after
            self.changes.append(Change(method, before, after))
            return Written(after)


def in_shard(ref: TaskRef, number: int) -> bool:
    return shard(ref.task_id) == number


def _held_under(fence: int) -> Callable[[Task], bool]:
    return lambda task: task.status is Status.RUNNING and task.fence == fence


def _check(before: Task, after: Task) -> None:
    """Raises ``IllegalChange`` for a write that would break what is true of every task."""
    claimed = after.fence != before.fence
    moved = after.status is not before.status or claimed
    if before.is_terminal:
        raise IllegalChange(f"{before.ref} has {before.status} and never changes again")
    if moved and after.status not in TRANSITIONS[before.status]:
        raise IllegalChange(f"{before.ref} cannot go from {before.status} to {after.status}")
    if after.fence < before.fence or after.attempt < before.attempt:
        raise IllegalChange(f"{before.ref}: fence and attempts never fall")
    if after.is_terminal != (after.due_at is None):
        raise IllegalChange(f"{before.ref}: a live task is due at some time, an ended one never")
    if after.due_at is not None and after.due_at > after.deadline:
        raise IllegalChange(f"{before.ref}: nobody would look at it at its deadline")
