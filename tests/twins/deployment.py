"""A whole deployment on the twins: the real services, one process or several, under one clock."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from a2a_tasks.domain.agent import AgentRevision
from a2a_tasks.domain.task import Task
from a2a_tasks.domain.usage import Price, parse_prices
from a2a_tasks.ports.queue import Delivery
from a2a_tasks.services.cleanup import Cleaner
from a2a_tasks.services.dead_letter import DeadLetters
from a2a_tasks.services.ending import Ending
from a2a_tasks.services.execute import Executor
from a2a_tasks.services.submit import Submission, Submitter
from a2a_tasks.services.sweep import Sweeper, SweepReport
from a2a_tasks.services.tasks import Tasks
from tests.twins.clock import FakeClock
from tests.twins.entropy import SeededEntropy
from tests.twins.failpoints import Crash, Failpoints
from tests.twins.freeze import Freeze
from tests.twins.model import ScriptedModel
from tests.twins.payloads import MemoryPayloads
from tests.twins.queue import MemoryQueue
from tests.twins.registry import MemoryRegistry
from tests.twins.tasks import MemoryTaskStore
from tests.twins.telemetry import MemoryTelemetry

LEASE_SECONDS = 45
MAX_ATTEMPTS = 3
RETENTION_MS = 24 * 3_600_000
FUNCTION_SECONDS = 900.0
MODEL = "claude-test-1"
PRICES: dict[str, Price] = parse_prices({MODEL: {"input": 3.0, "output": 15.0}})


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
    """``RunBlocking`` on the loop itself: twins do not block, and order stays the same in every run."""
    return call(*args, **kwargs)


def plenty() -> bool:
    """``time_left`` of a sweep that is in no hurry."""
    return True


@dataclass
class Deployment:
    """Twins and services. Each ``failpoints`` argument stands for one process of its own."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    payloads: MemoryPayloads = field(default_factory=MemoryPayloads)
    model: ScriptedModel = field(default_factory=ScriptedModel)
    entropy: SeededEntropy = field(default_factory=SeededEntropy)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    dead: MemoryQueue = field(init=False)
    queue: MemoryQueue = field(init=False)

    def __post_init__(self) -> None:
        self.dead = MemoryQueue(self.clock)
        self.queue = MemoryQueue(self.clock, dead=self.dead)
        self.registry.apply(agent())

    def submitter(self, failpoints: Failpoints | None = None) -> Submitter:
        points = failpoints or Failpoints()
        return Submitter(
            store=points.wrap("store", self.store),
            registry=self.registry,
            payloads=points.wrap("payloads", self.payloads),
            queue=points.wrap("queue", self.queue),
            clock=self.clock,
            entropy=self.entropy,
            telemetry=self.telemetry,
            aliases={"sonnet": MODEL},
            max_attempts=MAX_ATTEMPTS,
            max_timeout_ms=1_800_000,
        )

    def executor(self, failpoints: Failpoints | None = None, freeze: Freeze | None = None) -> Executor:
        points = failpoints or Failpoints()
        return Executor(
            store=points.wrap("store", self.store),
            registry=points.wrap("registry", self.registry),
            payloads=points.wrap("payloads", self.payloads),
            queue=points.wrap("queue", self.queue),
            model=points.wrap("model", self.model),
            ending=self.ending(points),
            clock=freeze or self.clock,
            entropy=self.entropy,
            telemetry=self.telemetry,
            prices=PRICES,
            lease_seconds=LEASE_SECONDS,
            run=freeze.run if freeze else inline,
        )

    def ending(self, failpoints: Failpoints | None = None) -> Ending:
        store = (failpoints or Failpoints()).wrap("store", self.store)
        return Ending(store, self.clock, self.entropy, self.telemetry, RETENTION_MS)

    def sweeper(self, failpoints: Failpoints | None = None) -> Sweeper:
        points = failpoints or Failpoints()
        store, queue = points.wrap("store", self.store), points.wrap("queue", self.queue)
        return Sweeper(store, queue, self.ending(points), self.telemetry)

    def cleaner(self, failpoints: Failpoints | None = None) -> Cleaner:
        points = failpoints or Failpoints()
        store, payloads = points.wrap("store", self.store), points.wrap("payloads", self.payloads)
        return Cleaner(store, payloads, self.clock, self.telemetry, orphan_after_ms=2 * RETENTION_MS)

    def dead_letters(self, failpoints: Failpoints | None = None) -> DeadLetters:
        points = failpoints or Failpoints()
        return DeadLetters(points.wrap("store", self.store), self.ending(points), self.telemetry)

    def tasks(self, failpoints: Failpoints | None = None) -> Tasks:
        points = failpoints or Failpoints()
        store, payloads = points.wrap("store", self.store), points.wrap("payloads", self.payloads)
        return Tasks(store, self.registry, payloads, self.ending(points))

    def submit(self, message: str = "Write a report.", **changes: Any) -> Task:
        """Accept a task of project ``demo``'s agent ``writer``, with a timeout of five minutes."""
        fields: dict[str, Any] = {
            "project_id": "demo",
            "agent_id": "writer",
            "message": message,
            "context": None,
            "timeout_ms": None,
            "correlation_id": "request-1",
        }
        return self.submitter().submit(Submission(**fields | changes))

    def work(self, failpoints: Failpoints | None = None, seconds: float = FUNCTION_SECONDS) -> list[str]:
        """One worker invocation on what the queue holds now; the ids of the messages that it kept."""
        return self.clock.run(self.invoke(self.queue.receive(), failpoints, seconds))

    async def invoke(
        self,
        deliveries: list[Delivery],
        failpoints: Failpoints | None = None,
        seconds: float = FUNCTION_SECONDS,
        freeze: Freeze | None = None,
    ) -> list[str]:
        """One worker invocation on these deliveries, and what Lambda does with its answer."""
        end = self.clock.now() + seconds * 1000
        executor = self.executor(failpoints, freeze)
        kept = await executor.execute(deliveries, lambda: (end - self.clock.now()) / 1000)
        self.queue.settle(deliveries, kept)
        return kept

    def sweep(self, failpoints: Failpoints | None = None) -> SweepReport:
        return self.sweeper(failpoints).sweep(plenty)

    def now_of(self, task: Task) -> Task:
        """The task as it is stored now."""
        current = self.store.get(task.ref)
        assert current is not None, f"{task.ref} is gone"
        return current

    def together(self, *work: Awaitable[Any]) -> None:
        """Run several pieces of work at the same time, each to its end or its crash."""

        async def all_of_it() -> list[Any]:
            return await asyncio.gather(*work, return_exceptions=True)

        for result in self.clock.run(all_of_it()):
            if isinstance(result, BaseException) and not isinstance(result, Crash):
                raise result
