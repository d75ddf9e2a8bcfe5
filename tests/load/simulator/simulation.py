"""A deployment under load: the real services, the functions that run them, and what AWS does to both."""

import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

from a2a_tasks.concurrency.taker_watch import TakerWatch
from a2a_tasks.domain.task import Task
from a2a_tasks.maintenance.cleanup import CleanupReport
from a2a_tasks.maintenance.sweep_report import SweepReport
from a2a_tasks.ports.errors import QueueUnavailable, StoreUnavailable
from a2a_tasks.tasks.submission import Submitter
from tests.load.simulator.cloud import USD, Cloud
from tests.load.simulator.functions import EventSource, Failed, Function, Handler, Schedule, Start, TimeLeft
from tests.load.simulator.kernel import Kernel, Lock
from tests.load.simulator.model import LoadModel, work
from tests.load.simulator.monitor import LOOK_SECONDS, Monitor
from tests.load.simulator.queue import BigQueue, TaskQueues
from tests.load.simulator.report import Report, percentile
from tests.load.simulator.sandbox import Sandbox
from tests.load.simulator.settings import Settings, constant
from tests.load.simulator.stores import BigPayloads, BigTaskStore, BigWorkers, sizes
from tests.load.simulator.stream import ReportingSender, StreamSource, TimedNotifications
from tests.load.simulator.telemetry import OUTAGES, CountingTelemetry
from tests.twins.batch_lane import BatchLane
from tests.twins.deployment import Deployment, agent
from tests.twins.faults.failpoints import Failpoints
from tests.twins.faults.freeze import Freeze
from tests.twins.model import ScriptedModel
from tests.twins.stores.slots import MemorySlots
from tests.twins.stores.tasks import Change
from tests.twins.stream import status_change
from tests.twins.sweeps import CalledHelpers

API_MB = 1_024
COLD_START_SECONDS = {
    "worker": 2.5,
    "sweeper": 1.2,
    "cleanup": 1.2,
    "batcher": 2.5,
    "dead letter": 1.2,
    "notifier": 1.0,
}


class _Helpers(CalledHelpers):
    """Additional processes of the sweeper."""

    def __init__(self, invoke: Callable[[int], None]) -> None:
        super().__init__()
        self._invoke = invoke

    def start(self, shard: int) -> bool:
        self._invoke(shard)
        return True


@dataclass
class Simulation:
    """One deployment from its beginning. All randomness comes from ``seed``; ``settings`` are its parameters.

    ``run`` may be called repeatedly; ``report`` returns the results so far.
    """

    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    kernel: Kernel = field(default_factory=Kernel)
    telemetry: CountingTelemetry = field(default_factory=CountingTelemetry)
    number: int = 0

    def __post_init__(self) -> None:
        self._sandboxes: list[Sandbox] = []
        self._idle_api: list[tuple[Sandbox, Submitter]] = []
        self.figures: dict[str, float] = {}
        self.random = Random(self.seed)  # noqa: S311  not for secrets
        self.cloud = Cloud(self.kernel, Random(self.seed + 1))  # noqa: S311
        self.model = LoadModel(self.kernel, Random(self.seed + 2))  # noqa: S311
        self.deployment = self._deployment()
        self.worker = self._function("worker", "WorkerFunction", self._start_worker)
        self.sweeper = self._function("sweeper", "SweeperFunction", self._start_sweeper)
        self.deployment.helpers = _Helpers(self._sweep_shard)
        self.cleanup = self._function("cleanup", "CleanupFunction", self._start_cleanup)
        self.lane = BatchLane(self.deployment)
        self.batcher = self._function("batcher", "BatcherFunction", self._start_batcher)
        self.buriers = self._function("dead letter", "DeadLetterFunction", self._start_dead_letters)
        self.notifier = self._function("notifier", "NotifierFunction", self._start_notifier)
        changes = self.settings.stream("NotifierFunction", "Changes")
        self.stream = StreamSource.of(self.notifier, changes, self.kernel, Random(self.seed + 3))  # noqa: S311
        self._begin()

    # -- operations for scenarios

    def agent(self, agent_id: str = "writer", project_id: str = "demo", **changes: Any) -> None:
        self.deployment.registry.apply(agent(agent_id, project_id, **changes))

    def accept(
        self, agent_id: str, *seconds: float, project_id: str = "demo", announced: bool = True, **changes: Any
    ) -> Task:
        """A task that is accepted now, at no cost. Its turns last ``seconds``."""
        self.number += 1
        message = work(self.number, *seconds)
        submission = self.deployment.submission(message, agent_id=agent_id, project_id=project_id, **changes)
        points = Failpoints()
        if not announced:
            points.down("queue", StoreUnavailable("not sent"))
        return self.deployment.submitter(points).submit(submission)

    def submit(self, agent_id: str, *seconds: float, project_id: str = "demo", **changes: Any) -> None:
        """The same by a call of the API, which takes time."""
        self.number += 1
        message = work(self.number, *seconds)
        submission = self.deployment.submission(message, agent_id=agent_id, project_id=project_id, **changes)
        if self._idle_api:
            process, submitter = self._idle_api.pop()
        else:
            process = self._sandbox(API_MB)
            submitter = self.deployment.submitter(process)

        def call() -> None:
            try:
                submitter.submit(submission)
            except StoreUnavailable:
                self.refused += 1
            self._idle_api.append((process, submitter))

        process.start(call)

    def arrivals(self, a_second: float, seconds: float, submit: Callable[[], object]) -> None:
        """Let tasks arrive at random from now on, this many a second on average."""
        ends = self.kernel.time + seconds

        def arrive() -> None:
            if self.kernel.time < ends:
                submit()
                self.kernel.loop.call_later(self.random.expovariate(a_second), arrive)

        arrive()

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        self.kernel.run_until(self.kernel.time + seconds)

    def run_until_done(self, most_seconds: float) -> None:
        """Let time pass until no task is live, up to this limit."""
        end = self.kernel.time + most_seconds
        while self.kernel.time < end and self.monitor.live:
            self.run(min(10.0, end - self.kernel.time))

    def report(self) -> Report:
        """Raises errors that no outage explains: they are bugs, here or in the services."""
        raised = [error for function in self.functions for error in function.raised]
        for error in (*raised, *self.deployment.telemetry.errors):
            if not isinstance(error, OUTAGES):
                raise error
        monitor, cloud = self.monitor, self.cloud
        unwritten = monitor.unwritten()
        late = monitor.deadlines_late + unwritten
        tasks = max(1, monitor.tasks)
        twins = self.deployment
        by_minute = Counter[int]()
        for second, calls in self.model.called.items():
            by_minute[second // 60] += calls
        return Report(
            tasks=monitor.tasks,
            seconds=self.kernel.time,
            ends=monitor.ends,
            open=len(monitor.live),
            unwritten=len(unwritten),
            unstarted=monitor.unstarted,
            deadline_late_p99=percentile(late, 0.99),
            deadline_late_max=max(late, default=0.0),
            start_late_p99=percentile(monitor.starts_late, 0.99),
            start_late_max=max(monitor.starts_late, default=0.0),
            go_on_late_max=monitor.goes_on_late,
            told_late_p99=percentile(self.notifications.late, 0.99),
            told_late_max=max(self.notifications.late, default=0.0),
            untold=self.stream.waiting,
            last_end=monitor.last_end,
            idle=100 * sum(monitor.idle) / max(1, len(monitor.idle)) / monitor.places,
            oldest_due=monitor.oldest_due,
            bought_twice=self.model.bought_twice,
            cut_off=self.model.cut_off,
            killed=sum(each.killed for each in self.functions),
            throttled=cloud.throttled.total(),
            calls_per_task=cloud.calls.total() / tasks,
            usd_per_million=self.usd / tasks * 1e6,
            most_running=monitor.most_running,
            most_calls=max(by_minute.values(), default=0) / 60,
            bytes_held=sizes(twins.store, twins.slot_store, twins.payloads, twins.records),
            calls=cloud.calls,
            of_project=monitor.of_project,
            figures=self.figures,
        )

    @property
    def functions(self) -> tuple[Function, ...]:
        return self.worker, self.sweeper, self.cleanup, self.batcher, self.buriers, self.notifier

    @property
    def usd(self) -> float:
        """AWS's price, so far."""
        units = self.cloud.units
        requests = sum(units[name] * USD[name] for name in ("write", "read", "SQS", "S3"))
        receives = sum(source.receives for source in self.sources) * USD["SQS"]
        return requests + receives + sum(each.usd for each in self.functions)

    def close(self) -> None:
        for sandbox in self._sandboxes:
            sandbox.stop_calls()
        self.kernel.close()

    # -- composition

    def _deployment(self) -> Deployment:
        clock, settings = self.kernel.clock, self.settings
        self.notifications = TimedNotifications(clock=clock)
        twins = Deployment(
            clock=clock,
            store=BigTaskStore(clock, self._note),
            slot_store=MemorySlots(),
            workers=BigWorkers(),
            payloads=BigPayloads(),
            notifications=self.notifications,
            telemetry=self.telemetry,
            model=cast(ScriptedModel, self.model),
            room=settings.parameter("WorkerTasks"),
            reserved=max(2, settings.parameter("WorkerTasks") // 20),
            lease_seconds=settings.parameter("LeaseSeconds"),
            max_timeout_ms=settings.parameter("MaxTaskTimeoutMs"),
        )
        dead = settings.queue("TaskDeadLetterQueue")
        twins.dead = self.dead = BigQueue(clock, dead.visibility_seconds)
        self.new, self.urgent = self._queue("TaskQueue", twins), self._queue("UrgentTaskQueue", twins)
        self.direct = self._queue("DirectTaskQueue", twins)
        takers = TakerWatch(twins.takers, clock, twins.telemetry)
        twins.queue = TaskQueues(
            clock, is_open=takers.is_open, new=self.new, urgent=self.urgent, direct=self.direct
        )
        self.monitor = Monitor(clock, twins.registry, twins.room * settings.parameter("WorkerConcurrency"))
        self.refused = 0
        return twins

    def _queue(self, logical_id: str, twins: Deployment) -> BigQueue:
        settings = self.settings.queue(logical_id)
        return BigQueue(
            self.kernel.clock,
            settings.visibility_seconds,
            settings.max_receives or 0,
            self.dead,
            group_of=lambda ref: twins.registry.current[ref.agent_id].project_id,
        )

    def _function(self, name: str, logical_id: str, start: Start) -> Function:
        return Function(
            name,
            self.settings.function(logical_id),
            start,
            self._sandbox,
            self.kernel,
            self.random,
            COLD_START_SECONDS[name],
        )

    def _sandbox(self, memory_mb: int) -> Sandbox:
        sandbox = Sandbox(self.kernel, self.cloud, memory_mb)
        self._sandboxes.append(sandbox)
        return sandbox

    def _begin(self) -> None:
        settings = self.settings
        self.sources = (
            self._source(self.new, self.worker, "WorkerFunction", "Tasks", 0.1),
            self._source(self.urgent, self.worker, "WorkerFunction", "UrgentTasks", 0.1),
            self._source(self.dead, self.buriers, "DeadLetterFunction", "DeadLetters", 1),
        )
        for function, logical_id, event in (
            (self.sweeper, "SweeperFunction", "EveryMinute"),
            (self.cleanup, "CleanupFunction", "EveryHour"),
            (self.batcher, "BatcherFunction", "EveryMinute"),
        ):
            every = settings.rate_seconds(logical_id, event)
            Schedule(function, every, self.kernel, self.random.uniform(0, every)).begin()
        self.kernel.loop.create_task(self._look())

    def _source(
        self, queue: BigQueue, function: Function, logical_id: str, event: str, tick: float
    ) -> EventSource:
        source = EventSource(queue, function, self.settings.source(logical_id, event), self.kernel, tick)
        source.begin()
        return source

    def _note(self, change: Change) -> None:
        self.monitor.note(change)
        if (told := status_change(change)) is not None:
            self.stream.put(told)

    async def _look(self) -> None:
        while True:
            self.monitor.look(cast(BigTaskStore, self.deployment.store).oldest_due())
            await self.kernel.clock.sleep(LOOK_SECONDS)

    # -- the functions' handlers

    def _start_worker(self, process: Sandbox) -> Handler:
        executor = self.deployment.executor(process, cast(Freeze, process))
        intake = replace(executor.intake, process_load=process)
        return replace(executor, intake=intake).execute

    def _start_sweeper(self, process: Sandbox) -> Handler:
        threads = int(constant("functions/sweeper/app.py", "THREADS"))
        sweeper = self.deployment.sweeper(process, process.threads(threads))
        # a thread's own lock would block all of them, which are greenlets
        sweeper.due_tasks.backlog._lock = cast(threading.Lock, Lock(self.kernel))
        reserve = constant("functions/sweeper/app.py", "RESERVE_MS") / 1000

        def handle(shard: int | None, time_left: TimeLeft) -> Awaitable[SweepReport]:
            if shard is not None:
                return process.run(sweeper.sweep_shard, shard, lambda: time_left() > reserve)
            return process.run(sweeper.sweep, lambda: time_left() > reserve)

        return handle

    def _sweep_shard(self, shard: int) -> None:
        """Invoke the sweeper for the shard, without waiting and without retries."""

        async def invoke() -> None:
            with suppress(Failed):
                await self.sweeper.invoke(shard)

        self.kernel.loop.create_task(invoke())

    def _start_cleanup(self, process: Sandbox) -> Handler:
        cleaner = self.deployment.cleaner(process)
        reserve = constant("functions/cleanup/app.py", "RESERVE_MS") / 1000

        def handle(_: Any, time_left: TimeLeft) -> Awaitable[CleanupReport]:
            return process.run(cleaner.clean, lambda: time_left() > reserve)

        return handle

    def _start_batcher(self, process: Sandbox) -> Handler:
        batcher = self.lane.batcher(process, process.run)
        reserve = constant("functions/batcher/app.py", "RESERVE_SECONDS")
        return lambda _, time_left: batcher.work(lambda: time_left() - reserve)

    def _start_dead_letters(self, process: Sandbox) -> Handler:
        dead_letters = self.deployment.dead_letters(process)

        def handle(deliveries: Iterable[Any]) -> list[str]:
            kept = []
            for delivery in deliveries:
                try:
                    dead_letters.handle(delivery)
                except (StoreUnavailable, QueueUnavailable):
                    kept.append(delivery.message_id)
            return kept

        return lambda deliveries, _: process.run(handle, deliveries)

    def _start_notifier(self, process: Sandbox) -> Handler:
        notifier = self.deployment.notifier(process)
        notifier = replace(notifier, sender=ReportingSender(notifier.sender))
        return lambda changes, _: process.run(notifier.notify, changes)
