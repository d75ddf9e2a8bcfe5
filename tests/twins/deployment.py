"""A whole deployment on the twins: the real services, one process or several, under one clock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.adapters.office.parser import ProcessParser
from a2a_tasks.concurrency.holders import Holders
from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.concurrency.taker_watch import TakerWatch
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.conversations.conversations import Conversations
from a2a_tasks.conversations.message_sender import MessageSender
from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.domain.agents.agent import AgentRevision
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.ids import oldest_task_id, shard
from a2a_tasks.domain.lease import Lease
from a2a_tasks.domain.pause import Pause
from a2a_tasks.domain.pricing.prices import Price
from a2a_tasks.domain.pricing.table import TABLE
from a2a_tasks.domain.schedule import LONGEST_LIFE_MS, clocks_of_start, due_after_start
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.webhooks.push import Notification
from a2a_tasks.execution.process.heartbeat import Heartbeat
from a2a_tasks.execution.worker import Executor
from a2a_tasks.maintenance.cleanup import Cleaner
from a2a_tasks.maintenance.dead_letters import DeadLetters
from a2a_tasks.maintenance.shard_sweep import ShardSweep
from a2a_tasks.maintenance.sweep_report import SweepReport
from a2a_tasks.maintenance.sweeper import Sweeper
from a2a_tasks.notifications.fan_out import Notifier
from a2a_tasks.ports.blocking import RunParallel, TimeLeft, WorkStep, run_in_order
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.queues import Delivery
from a2a_tasks.ports.tasks import Claim, Written
from a2a_tasks.tasks.finalization import TaskFinalizer
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.submission import Submission, Submitter
from a2a_tasks.views.tasks import task_view
from a2a_tasks.webhooks.push_configs import PushConfigs
from a2a_tasks.wecom.ports import ChatDelivery
from a2a_tasks.wiring.push import build_push_configs
from a2a_tasks.wiring.sweeper import build_sweeper
from a2a_tasks.wiring.tasks import TaskServices
from a2a_tasks.wiring.worker import WorkerPorts, WorkerSettings, build_heartbeat, build_worker
from tests.twins.clock import FakeClock
from tests.twins.entropy import SeededEntropy
from tests.twins.faults.failpoints import NO_FAILPOINTS, Crash, Failpoints
from tests.twins.faults.freeze import Freeze
from tests.twins.model import ScriptedModel
from tests.twins.model_files import MemoryFiles
from tests.twins.process import Process
from tests.twins.process_load import SetProcessLoad
from tests.twins.queue import MemoryQueue
from tests.twins.stores.batches import MemoryBatches
from tests.twins.stores.contexts import MemoryContexts
from tests.twins.stores.exchanges import MemoryExchanges
from tests.twins.stores.live import MemoryLive
from tests.twins.stores.paces import MemoryPaces
from tests.twins.stores.payloads import MemoryPayloads
from tests.twins.stores.push import MemoryPushConfigs, MemorySealing
from tests.twins.stores.records import MemoryRecords, MemorySpend
from tests.twins.stores.registry import MemoryRegistry
from tests.twins.stores.reservations import MemoryReservations
from tests.twins.stores.slots import MemorySlots
from tests.twins.stores.takers import MemoryTakers
from tests.twins.stores.tasks import MemoryTaskStore
from tests.twins.stores.workers import MemoryWorkers
from tests.twins.stream import MemoryStream
from tests.twins.sweeps import CalledHelpers, MemoryShardLeases
from tests.twins.telemetry import MemoryTelemetry
from tests.twins.timed_queue import MemorySender
from tests.twins.workspaces import DiskWorkspaces

LEASE_SECONDS = 8
MAX_ATTEMPTS = 3
MAX_TIMEOUT_MS = 1_800_000
RETENTION_MS = 24 * 3_600_000
FUNCTION_SECONDS = 900.0
MAX_WAIT_MS = 24 * 3_600_000
MODEL = "claude-test-1"
ALIASES = {"sonnet": MODEL}
PRICES = replace(TABLE, models={MODEL: Price(Decimal(3), Decimal(15))})


def agent(agent_id: str = "writer", project_id: str = "demo", **changes: Any) -> AgentRevision:
    fields: dict[str, Any] = {
        "agent_id": agent_id,
        "project_id": project_id,
        "revision": 1,
        "name": "Writer",
        "description": "Writes reports.",
        "system_prompt": "You write reports.",
        "model": "sonnet",
        "max_turns": 30,
        "max_tokens": 1_000,
        "timeout_ms": 300_000,
        "max_concurrent_tasks": 5,
        "enabled": True,
    }
    return AgentRevision(**fields | changes)


async def inline[**P, T](call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """``RunBlocking`` on the loop itself: twins do not block, and the order is the same in every run."""
    return call(*args, **kwargs)


def plenty() -> bool:
    """``time_left`` of a sweep with enough time."""
    return True


def _in_turn_but_for_idle_shards(due: set[int], steps: Sequence[WorkStep], time_left: TimeLeft) -> None:
    """``RunParallel`` of a sweep, without the shards that are not ``due``."""

    def is_idle(step: WorkStep) -> bool:
        swept = getattr(step, "__self__", None)
        return isinstance(swept, ShardSweep) and swept.shard not in due

    run_in_order([step for step in steps if not is_idle(step)], time_left)


@dataclass(frozen=True)
class FarRevisions:
    """``Registry`` of a process: reads of agents, projects and the switch are local, those of revisions are
    calls."""

    near: MemoryRegistry
    far: MemoryRegistry

    def agent(self, agent_id: str) -> AgentRevision | None:
        return self.near.agent(agent_id)

    def project(self, project_id: str) -> ProjectSettings | None:
        return self.near.project(project_id)

    def pause(self) -> Pause | None:
        return self.near.pause()

    def revision(self, agent_id: str, revision: int) -> AgentRevision | None:
        return self.far.revision(agent_id, revision)


@dataclass
class Deployment:
    """Twins and services. Each ``failpoints`` argument stands for one process of its own."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    payloads: MemoryPayloads = field(default_factory=MemoryPayloads)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    spend: MemorySpend = field(default_factory=MemorySpend)
    workers: MemoryWorkers = field(default_factory=MemoryWorkers)
    slot_store: MemorySlots = field(default_factory=MemorySlots)
    contexts: MemoryContexts = field(default_factory=MemoryContexts)
    batches: MemoryBatches = field(default_factory=MemoryBatches)
    reservations: MemoryReservations = field(default_factory=MemoryReservations)
    push: MemoryPushConfigs = field(default_factory=MemoryPushConfigs)
    sealing: MemorySealing = field(default_factory=MemorySealing)
    notifications: MemorySender[Notification] = field(default_factory=MemorySender)
    model: ScriptedModel = field(default_factory=ScriptedModel)
    workspaces: DiskWorkspaces = field(default_factory=DiskWorkspaces)
    entropy: SeededEntropy = field(default_factory=SeededEntropy)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    live: MemoryLive = field(default_factory=MemoryLive)
    paces: MemoryPaces = field(default_factory=MemoryPaces)
    chats: MemoryExchanges = field(init=False)
    chat_deliveries: MemorySender[ChatDelivery] = field(default_factory=MemorySender)
    shard_leases: MemoryShardLeases = field(default_factory=MemoryShardLeases)
    helpers: CalledHelpers = field(default_factory=CalledHelpers)
    takers: MemoryTakers = field(default_factory=MemoryTakers)
    process_load: SetProcessLoad = field(default_factory=SetProcessLoad)
    room: int = 0  # each test sets what a process gets
    reserved: int = 0
    lease_seconds: int = LEASE_SECONDS
    max_timeout_ms: int = MAX_TIMEOUT_MS
    stream: MemoryStream = field(init=False)
    dead: MemoryQueue = field(init=False)
    queue: MemoryQueue = field(init=False)

    def __post_init__(self) -> None:
        self.chats = MemoryExchanges(self.live)
        self.stream = MemoryStream(self.store)
        self.dead = MemoryQueue(self.clock)
        watch = TakerWatch(self.takers, self.clock, self.telemetry)
        self.queue = MemoryQueue(self.clock, dead=self.dead, is_open=watch.is_open)
        self.registry.put_project(ProjectSettings("demo", webhook_secret=b"sealed"))
        self.registry.apply(agent())

    def services(self, failpoints: Failpoints | None = None, clock: Clock | None = None) -> TaskServices:
        """The services of a new process, which may have a clock of its own."""
        points = failpoints or NO_FAILPOINTS
        return TaskServices(
            store=points.wrap("store", self.store),
            queue=points.wrap("queue", self.queue),
            registry=FarRevisions(self.registry, points.wrap("registry", self.registry)),
            places=points.wrap("slots", self.slot_store),
            workers=points.wrap("workers", self.workers),
            contexts=points.wrap("contexts", self.contexts),
            records=points.wrap("records", self.records),
            clock=clock or self.clock,
            entropy=self.entropy,
            telemetry=self.telemetry,
            retention_ms=RETENTION_MS,
        )

    def submitter(self, failpoints: Failpoints | None = None) -> Submitter:
        points = failpoints or NO_FAILPOINTS
        return Submitter(
            store=points.wrap("store", self.store),
            registry=self.registry,
            payloads=points.wrap("payloads", self.payloads),
            queue=points.wrap("queue", self.queue),
            slots=self.slots(points),
            contexts=points.wrap("contexts", self.contexts),
            batches=points.wrap("batches", self.batches),
            reservations=points.wrap("reservations", self.reservations),
            budgets=self.budgets(points),
            push=self.push_configs(points).acceptance,
            clock=self.clock,
            entropy=self.entropy,
            telemetry=self.telemetry,
            aliases=ALIASES,
            max_attempts=MAX_ATTEMPTS,
            max_timeout_ms=self.max_timeout_ms,
            has_batches=True,
        )

    def push_configs(self, failpoints: Failpoints | None = None) -> PushConfigs:
        points = failpoints or NO_FAILPOINTS
        return build_push_configs(
            self.services(points),
            store=points.wrap("push", self.push),
            sealer=points.wrap("sealing", self.sealing),
            reservations=points.wrap("reservations", self.reservations),
            allow_loopback=False,
        )

    def notifier(self, failpoints: Failpoints | None = None) -> Notifier:
        points = failpoints or NO_FAILPOINTS
        push, queue = points.wrap("push", self.push), points.wrap("notifications", self.notifications)
        exchanges = points.wrap("exchanges", self.chats)
        chat_deliveries = points.wrap("chat_deliveries", self.chat_deliveries)
        return Notifier(push, queue, exchanges, chat_deliveries, self.telemetry)

    def slots(self, failpoints: Failpoints | None = None) -> Slots:
        return self.services(failpoints).slots

    def holders(self, failpoints: Failpoints | None = None) -> Holders:
        return self.services(failpoints).holders

    def heartbeat(self, failpoints: Failpoints | None = None, freeze: Freeze | None = None) -> Heartbeat:
        """That of a new process."""
        run = freeze.run if freeze else inline
        return build_heartbeat(self.services(failpoints, freeze), run, self.lease_seconds)

    def budgets(self, failpoints: Failpoints | None = None) -> DailyBudgets:
        points = failpoints or NO_FAILPOINTS
        return DailyBudgets(points.wrap("spend", self.spend), self.registry, self.clock)

    def executor(self, failpoints: Failpoints | None = None, freeze: Freeze | None = None) -> Executor:
        points = failpoints or NO_FAILPOINTS
        run = freeze.run if freeze else inline
        ports = WorkerPorts(
            model=points.wrap("model", self.model),
            files=points.wrap("files", self.files),
            workspaces=self.workspaces.of_process(points),
            office=ProcessParser(),
            paces=points.wrap("paces", self.paces),
            live=points.wrap("live", self.live),
            takers=points.wrap("takers", self.takers),
            process_load=self.process_load,
            run=run,
            run_heartbeat=run,
        )
        settings = WorkerSettings(
            backend=Backend.CLAUDE_API,
            prices=PRICES,
            room=self.room,
            reserved=self.reserved,
            lease_seconds=self.lease_seconds,
            max_wait_ms=MAX_WAIT_MS,
        )
        return build_worker(self.services(points, freeze), self.submitter(points), ports, settings)

    def finalizer(self, failpoints: Failpoints | None = None) -> TaskFinalizer:
        return self.services(failpoints).finalizer

    def sweeper(
        self, failpoints: Failpoints | None = None, run_parallel: RunParallel = run_in_order
    ) -> Sweeper:
        points = failpoints or NO_FAILPOINTS
        return build_sweeper(
            self.services(points),
            batches=points.wrap("batches", self.batches),
            leases=points.wrap("leases", self.shard_leases),
            helpers=points.wrap("helpers", self.helpers),
            run_parallel=run_parallel,
        )

    def cleaner(self, failpoints: Failpoints | None = None) -> Cleaner:
        points = failpoints or NO_FAILPOINTS
        return Cleaner(
            store=points.wrap("store", self.store),
            contexts=points.wrap("contexts", self.contexts),
            payloads=points.wrap("payloads", self.payloads),
            run_parallel=run_in_order,
            clock=self.clock,
            telemetry=self.telemetry,
            retention_ms=RETENTION_MS,
        )

    def let_ttl_pass(self) -> None:
        """Delete everything that is past its TTL now, as the table does in the end."""
        now = self.clock.now()
        self.store.pass_ttl(now)
        self.payloads.pass_ttl(oldest_task_id(now - LONGEST_LIFE_MS - RETENTION_MS))

    def dead_letters(self, failpoints: Failpoints | None = None) -> DeadLetters:
        points = failpoints or NO_FAILPOINTS
        store = points.wrap("store", self.store)
        day = DayCount(store, self.budgets(points), self.telemetry)
        return DeadLetters(
            store, points.wrap("queue", self.queue), self.finalizer(points), day, self.telemetry
        )

    def tasks(self, failpoints: Failpoints | None = None) -> Tasks:
        points = failpoints or NO_FAILPOINTS
        store, payloads = points.wrap("store", self.store), points.wrap("payloads", self.payloads)
        finalizer = self.finalizer(points)
        return Tasks(store, self.registry, payloads, self.payloads, finalizer, pause=self.clock.advance)

    def answerer(self, failpoints: Failpoints | None = None) -> Answerer:
        points = failpoints or NO_FAILPOINTS
        return Answerer(
            store=points.wrap("store", self.store),
            records=points.wrap("records", self.records),
            payloads=points.wrap("payloads", self.payloads),
            queue=points.wrap("queue", self.queue),
            finalizer=self.finalizer(points),
            telemetry=self.telemetry,
        )

    def message_sender(self, failpoints: Failpoints | None = None) -> MessageSender:
        points = failpoints or NO_FAILPOINTS
        return MessageSender(
            self.submitter(points),
            self.answerer(points),
            self.slots(points),
            self.tasks(points),
            self.push_configs(points),
        )

    def conversations(self, failpoints: Failpoints | None = None) -> Conversations:
        points = failpoints or NO_FAILPOINTS
        return Conversations(
            contexts=points.wrap("contexts", self.contexts),
            store=points.wrap("store", self.store),
            registry=self.registry,
            payloads=points.wrap("payloads", self.payloads),
            finalizer=self.finalizer(points),
        )

    def submit(self, message: str = "Write a report.", **changes: Any) -> Task:
        """Accept a task of project ``demo``'s agent ``writer``, with five minutes to run, and a day to
        wait."""
        return self.submitter().submit(self.submission(message, **changes))

    def submission(self, message: str, **changes: Any) -> Submission:
        fields: dict[str, Any] = {
            "project_id": "demo",
            "agent_id": "writer",
            "message": message,
            "context": None,
            "timeout_ms": None,
            "correlation_id": "request-1",
        }
        return Submission(**fields | changes)

    def work(self, failpoints: Failpoints | None = None, seconds: float = FUNCTION_SECONDS) -> list[str]:
        """One worker invocation on the queue's current messages; returns the ids of the messages that it
        kept."""
        return self.clock.run(self.invoke(self.queue.receive(), failpoints, seconds))

    async def invoke(
        self,
        deliveries: list[Delivery],
        failpoints: Failpoints | None = None,
        seconds: float = FUNCTION_SECONDS,
        freeze: Freeze | None = None,
    ) -> list[str]:
        """One worker invocation on these deliveries, and what Lambda does with its response."""
        end = self.clock.now() + seconds * 1000
        process = Process(failpoints or Failpoints(), freeze)
        executor = self.executor(failpoints, freeze)
        kept = await process.run(executor.execute(deliveries, lambda: (end - self.clock.now()) / 1000))
        self.queue.settle(deliveries, kept)
        return kept

    def claim(self, task: Task) -> Task:
        """The task, claimed by a worker that opens its lease for it and does nothing more; taken over from
        the worker that held it before, if any."""
        now, claim_id = self.clock.now(), self.entropy.bytes(8).hex()
        worker_id = f"worker-{claim_id}"
        self.workers.open(Lease(worker_id, now + LEASE_SECONDS * 1000))
        clocks = clocks_of_start(task, now)
        due_at = due_after_start(task, clocks)
        claim = Claim(
            claim_id, now, worker_id, task.fence, taken_from=task.held_by, due_at=due_at, clocks=clocks
        )
        result = self.store.claim(task.ref, claim)
        assert isinstance(result, Written)
        return result.task

    def sweep(self, failpoints: Failpoints | None = None) -> SweepReport:
        """A sweep of all shards; those for which it calls helpers are swept by ``help_out``."""
        return self.sweeper(failpoints).sweep(plenty)

    def sweep_what_is_due(self) -> None:
        """A sweep, unless it would find nothing: in days of simulated minutes most would not. It skips
        the shards without due tasks; most sweeps find only a line."""
        now = self.clock.now()
        tasks = [task for task in self.store.tasks.values() if task.due_at is not None and task.due_at <= now]
        if tasks or self.workers.due(now, 1) or self.slot_store.due_lines(now, 1):
            shards = {shard(task.ref.task_id) for task in tasks}
            self.sweeper(run_parallel=partial(_in_turn_but_for_idle_shards, shards)).sweep(plenty)

    def help_out(self, failpoints: Failpoints | None = None) -> list[SweepReport]:
        """Run the helpers that were called."""
        called, self.helpers.called = self.helpers.called, []
        return [self.sweeper(failpoints).sweep_shard(shard, plenty) for shard in called]

    def notify(self, failpoints: Failpoints | None = None) -> bool:
        """One invocation of the notifier on the stream's records; returns whether none is left."""
        return self.stream.deliver(self.notifier(failpoints).notify)

    def shown(
        self, task: Task, wait_seconds: float = 0, failpoints: Failpoints | None = None
    ) -> dict[str, Any]:
        """The task as its caller sees it."""
        tasks = self.tasks(failpoints)
        task = tasks.wait(task.project_id, task.ref.agent_id, task.ref.task_id, wait_seconds)
        return task_view(task, tasks.results.output(task), tasks.results.artifacts(task))

    def now_of(self, task: Task) -> Task:
        """The task as it is stored now."""
        current = self.store.get(task.ref)
        assert current is not None, f"{task.ref} is gone"
        return current

    def together(self, *work: Awaitable[Any]) -> None:
        """Run several awaitables concurrently, each to its end or its crash."""

        async def all_of_it() -> list[Any]:
            return await asyncio.gather(*work, return_exceptions=True)

        for result in self.clock.run(all_of_it()):
            if isinstance(result, BaseException) and not isinstance(result, Crash):
                raise result
