"""The safety net: find tasks that somebody must look at, and do what is missing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.domain.task import (
    MAX_QUEUE_DELAY_MS,
    Lane,
    Status,
    Task,
    due_after_release,
    due_after_resend,
    due_after_take_over,
    due_while_awaiting,
    guard_of_loss,
    lost,
    whole_seconds,
)
from a2a_tasks.ports.batch_line import BatchLine
from a2a_tasks.ports.faults import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.queue import TaskSender
from a2a_tasks.ports.slots import Scope
from a2a_tasks.ports.tasks import Due, TaskStore, Written
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.line_watch import LineWatch
from a2a_tasks.services.slots import Slots

PAGE = 50


@dataclass
class SweepReport:
    """What one sweep did."""

    looked_at: int = 0
    timed_out: int = 0
    lost: int = 0
    resent: int = 0
    postponed: int = 0
    dead_workers: int = 0
    lines: int = 0
    errors: int = 0
    unfinished_shards: list[int] = field(default_factory=list)

    @property
    def rescued(self) -> int:
        return self.timed_out + self.lost + self.resent


@dataclass(frozen=True)
class Sweeper:
    """Settles deadlines, re-sends lost work, gives up lost workers. Safe to run twice at once."""

    store: TaskStore
    queue: TaskSender
    slots: Slots
    batches: BatchLine
    ending: Ending
    telemetry: Telemetry

    def sweep(self, time_left: Callable[[], bool]) -> SweepReport:
        """One pass over all shards in bounded pages, while ``time_left()``; one bad task or shard stops no
        other."""
        report = SweepReport()
        self._sweep_workers(report, time_left)
        unfinished = self._sweep_lines(report, time_left)
        for shard in range(SHARDS):
            try:
                while self._sweep_page(shard, report, time_left):
                    pass
            except StoreUnavailable as error:
                report.errors += 1
                report.unfinished_shards.append(shard)
                self.telemetry.problem("shard not swept", shard=shard, reason=str(error))
        while unfinished and time_left():
            unfinished = self._look_at_lines(unfinished, report)
        self.telemetry.count("Sweeps")
        self.telemetry.count("TasksRescued", report.rescued)
        return report

    def _sweep_page(self, shard: int, report: SweepReport, time_left: Callable[[], bool]) -> bool:
        """Sweep a shard's next page; whether another may follow.

        Every task that was looked at is settled or due later, so the next page holds others; where none was
        (all in error), going on would only see the same ones again.
        """
        if not time_left():
            report.unfinished_shards.append(shard)
            return False
        page = self.store.due(shard, self.ending.clock.now(), PAGE)
        errors_before = report.errors
        for due in page:
            report.looked_at += 1
            try:
                self._look_at(due, report)
            except (StoreUnavailable, QueueUnavailable) as error:
                report.errors += 1
                self.telemetry.problem("task not swept", task_id=due.ref.task_id, reason=str(error))
        return len(page) == PAGE and report.errors - errors_before < PAGE

    def _look_at(self, due: Due, report: SweepReport) -> None:
        task = self.store.get(due.ref)
        if task is None or task.is_terminal or task.due_at is None:
            return  # the index is a moment behind
        now = self.ending.clock.now()
        if task.is_expired(now):
            report.timed_out += isinstance(self.ending.time_out(task), Written)
        elif task.due_at > now:
            return  # moved on since the index was read
        elif task.status is Status.RUNNING and task.lane is not Lane.BATCH:
            self._look_at_running(task, report)
        elif task.lane is Lane.BATCH and task.status is Status.PENDING:
            self.batches.enqueue(task, now)  # whoever created it may have died before doing so
            report.postponed += self.store.look_again(due.ref, task.due_at, task.deadline)
        elif task.status is Status.INPUT_REQUIRED or task.lane is Lane.BATCH:
            # the caller's move, or the batcher's
            report.postponed += self.store.look_again(due.ref, task.due_at, task.deadline)
        elif task.awaits:
            if self.ending.wake_if_ready(task):
                report.resent += 1
            else:
                later = due_while_awaiting(now, task.deadline)
                report.postponed += self.store.look_again(due.ref, task.due_at, later)
        elif task.not_before > now:
            self._send_delayed(due, task, now, report)
        elif self.slots.is_waiting(task):  # who watches its line looks at it
            report.postponed += self.store.look_again(due.ref, task.due_at, task.deadline)
        elif self.store.look_again(due.ref, task.due_at, due_after_resend(task, now)):
            # moved first, so that of two sweeps only one sends; if this one dies now, it is due again later
            self._send(task, 0, report)

    def _look_at_running(self, task: Task, report: SweepReport) -> None:
        """Once for a claim: as soon as its worker's lease names the task, whoever finds that worker dead sees
        to it, and it is due at its deadline alone."""
        lease = self.ending.holders.lease(task)
        if lease is None:
            self._take_back(task, report)
            return
        soon = due_after_take_over(self.ending.clock.now(), task.deadline)
        later = task.deadline if lease.is_watched(task) else soon
        report.postponed += self.store.look_again(task.ref, task.due_at or 0, later)

    def _take_back(self, task: Task, report: SweepReport) -> None:
        """A running task whose worker is dead: announce it again, or give it up."""
        if task.due_at is None or self.ending.holders.take(task) is not None:
            return  # renewed since; it stays due
        now = self.ending.clock.now()
        if task.attempts_are_used_up():
            result = self.ending.fail(task, lost(task), guard_of_loss(task.fence))
            report.lost += isinstance(result, Written)
        elif self.store.look_again(task.ref, task.due_at, due_after_resend(task, now)):
            self._send(task, 0, report)

    def _sweep_workers(self, report: SweepReport, time_left: Callable[[], bool]) -> None:
        """Take from dead workers what they had in hand: the messages may be gone."""
        workers = self.ending.holders.workers
        try:
            seen: set[str] = set()
            while time_left():
                page = workers.due(self.ending.clock.now(), PAGE)
                for worker_id in page:
                    self._look_at_worker(worker_id, report)
                if seen.issuperset(page):  # none, or those that the index still shows
                    return
                seen.update(page)
        except (StoreUnavailable, QueueUnavailable) as error:
            report.errors += 1
            self.telemetry.problem("workers not swept", reason=str(error))

    def _look_at_worker(self, worker_id: str, report: SweepReport) -> None:
        workers, now = self.ending.holders.workers, self.ending.clock.now()
        lease = workers.lease(worker_id)
        if lease is None or lease.due_at is None or lease.due_at > now:
            return  # the index is a moment behind
        if not lease.is_over(now) or not workers.break_off(lease):
            return
        for ref in lease.tasks:
            task = self.store.get(ref)
            if task is not None and task.status is Status.RUNNING and task.held_by == worker_id:
                self._take_back(task, report)
        workers.forget(worker_id)
        report.dead_workers += 1

    def _sweep_lines(self, report: SweepReport, time_left: Callable[[], bool]) -> list[Scope]:
        """Look once at each line that is due; those with more to do."""
        unfinished: list[Scope] = []
        seen: set[Scope] = set()
        try:
            while time_left():
                page = [scope for scope in LineWatch(self.slots).due(PAGE) if scope not in seen]
                if not page:
                    break
                seen.update(page)
                unfinished += self._look_at_lines(page, report)
        except StoreUnavailable as error:
            report.errors += 1
            self.telemetry.problem("lines not swept", reason=str(error))
        return unfinished

    def _look_at_lines(self, scopes: list[Scope], report: SweepReport) -> list[Scope]:
        unfinished: list[Scope] = []
        for scope in scopes:
            report.lines += 1
            try:
                if LineWatch(self.slots).look_at(scope):
                    unfinished.append(scope)
            except (StoreUnavailable, QueueUnavailable) as error:
                report.errors += 1
                self.telemetry.problem("line not swept", agent_id=scope.agent_id, reason=str(error))
        return unfinished

    def _send_delayed(self, due: Due, task: Task, now: int, report: SweepReport) -> None:
        """A start that was too far away for the queue, and is near now."""
        delay_ms = task.not_before - now
        later = due_after_release(task.not_before, task.deadline)
        moved = self.store.look_again(due.ref, due.due_at, later)
        if moved and delay_ms <= MAX_QUEUE_DELAY_MS:
            self._send(task, whole_seconds(delay_ms), report)

    def _send(self, task: Task, delay_seconds: int, report: SweepReport) -> None:
        self.queue.send(task, delay_seconds)
        report.resent += 1
        self.telemetry.event("task sent again", task, state=task.status)
