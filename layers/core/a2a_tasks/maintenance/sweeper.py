"""The sweeper: finds due tasks, dead workers and stalled lines, and does what is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from a2a_tasks.concurrency.line_watch import LineWatch
from a2a_tasks.concurrency.pause_watch import PauseWatch
from a2a_tasks.domain.ids import SHARDS
from a2a_tasks.maintenance.dead_workers import DeadWorkers
from a2a_tasks.maintenance.due_tasks import DueTasks
from a2a_tasks.maintenance.shard_sweep import PAGE, ShardSweep
from a2a_tasks.maintenance.sweep_report import SweepAction, SweepReport, Tally
from a2a_tasks.ports.blocking import RunParallel, TimeLeft, WorkStep
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.ports.slots import Scope
from a2a_tasks.ports.tasks import DueEntry, TaskStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workers.leases import Helpers, ShardLeases, Workers

LEASE_MS = 20_000
"""Lease of a shard, renewed with every page that its process reads."""
MOST_WORKERS = 1_000
"""Dead workers handled per sweep: as many as a deployment can have."""
MOST_LINES = 1_000


@dataclass(frozen=True)
class Sweeper:
    """Fails overdue tasks, sends lost messages again, recovers the tasks of dead workers. Safe to run
    concurrently.

    Every page of a shard and every task is a step of its own, so errors and hanging calls do not affect
    the others. No step begins without ``time_left()``.
    """

    store: TaskStore
    workers: Workers
    lines: LineWatch
    due_tasks: DueTasks
    dead_workers: DeadWorkers
    leases: ShardLeases
    helpers: Helpers
    pause: PauseWatch
    run_parallel: RunParallel
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry

    def sweep(self, time_left: TimeLeft) -> SweepReport:
        """Sweep all shards, dead workers and lines. A shard with a full page is handed to another process;
        if none can be started, its pages are interleaved with the others here."""
        tally = Tally()
        shards = [
            self._shard(number, partial(self._keeps, tally, number), time_left, tally)
            for number in range(SHARDS)
        ]
        steps: list[WorkStep] = [
            partial(self._find_dead_workers, tally, time_left),
            partial(self._find_lines, tally, time_left),
        ]
        self.run_parallel([*steps, *(shard.page for shard in shards)], time_left)
        self.telemetry.count("Sweeps")
        if tally.oldest_ms is not None:
            self.telemetry.seconds("OldestDueSeconds", tally.oldest_ms / 1000)
        return self._reported(tally)

    def sweep_shard(self, number: int, time_left: TimeLeft) -> SweepReport:
        """Sweep one shard, unless another process is doing so."""
        tally, holder = Tally(), self.entropy.bytes(8).hex()
        shard = self._shard(number, partial(self._takes, number, holder), time_left, tally)
        self.run_parallel([shard.page], time_left)
        try:
            # so that the next sweep need not wait for the lease to expire
            self.leases.give_back(number, holder)
        except StoreUnavailable as error:
            self.telemetry.problem("lease of a shard not released", shard=number, reason=str(error))
        return self._reported(tally)

    def _shard(
        self,
        number: int,
        is_ours: Callable[[list[DueEntry], DueEntry | None], bool],
        time_left: TimeLeft,
        tally: Tally,
    ) -> ShardSweep:
        return ShardSweep(
            shard=number,
            is_ours=is_ours,
            time_left=time_left,
            tally=tally,
            store=self.store,
            due_tasks=self.due_tasks,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def _keeps(self, tally: Tally, number: int, page: list[DueEntry], after: DueEntry | None) -> bool:
        """Whether this process handles a page itself during a sweep of all shards."""
        if after is not None:
            return True  # another process could not be started for the first page
        tally.record_age(max(0, self.clock.now() - page[0].due_at) if page else 0)
        if len(page) < PAGE or not self.helpers.start(number):
            return True
        tally.hand_over(number)
        return False

    def _takes(self, number: int, holder: str, page: list[DueEntry], after: DueEntry | None) -> bool:  # noqa: ARG002
        now = self.clock.now()
        # renewed with every page: a process that dies or hangs loses the shard
        return self.leases.take(number, holder, now, now + LEASE_MS)

    def _find_dead_workers(self, tally: Tally, time_left: TimeLeft) -> list[WorkStep]:
        """Steps for the workers that are due now. The next sweep finds any others."""
        due = partial(self.workers.due, self.clock.now(), MOST_WORKERS)
        found = self._tried(tally, time_left, due, "workers not swept") or []
        return [partial(self._check_worker, tally, time_left, worker_id) for worker_id in found]

    def _check_worker(self, tally: Tally, time_left: TimeLeft, worker_id: str) -> list[WorkStep]:
        check = partial(self.dead_workers.check, worker_id)
        tally.count_actions(*(self._tried(tally, time_left, check, "worker not swept") or ()))
        return []

    def _find_lines(self, tally: Tally, time_left: TimeLeft) -> list[WorkStep]:
        """Steps for the lines that are due now; none during a pause, when a slot that is handed over stays
        unused."""
        found = self._tried(tally, time_left, partial(self.lines.due, MOST_LINES), "lines not swept")
        if not found or self.pause.is_on():
            return []
        return [partial(self._check_line, tally, time_left, scope) for scope in found]

    def _check_line(self, tally: Tally, time_left: TimeLeft, scope: Scope) -> list[WorkStep]:
        """A line with more to hand over is queued again behind all other steps."""

        def check() -> bool:
            tally.count_actions(SweepAction.LINE)
            return self.lines.check(scope)

        is_unfinished = self._tried(tally, time_left, check, "line not swept")
        return [partial(self._check_line, tally, time_left, scope)] if is_unfinished else []

    def _tried[T](self, tally: Tally, time_left: TimeLeft, work: Callable[[], T], problem: str) -> T | None:
        """What the work has found; None without time for it, or if a store or a queue does not respond."""
        try:
            return work() if time_left() else None
        except (StoreUnavailable, QueueUnavailable) as error:
            tally.count_actions(SweepAction.FAILED)
            self.telemetry.problem(problem, reason=str(error))
            return None

    def _reported(self, tally: Tally) -> SweepReport:
        report = tally.report
        if report.rescued:  # a metric without samples costs nothing
            self.telemetry.count("TasksRescued", report.rescued)
        if report.unfinished_shards:
            self.telemetry.count("SweepUnfinished", len(report.unfinished_shards))
        return report
