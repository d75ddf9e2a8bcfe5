"""Many workers that share a model which turns calls away for a while: tasks come and go on one clock."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from a2a_tasks.domain.task import Priority, Task
from a2a_tasks.execution.model.pacing import Pacing
from a2a_tasks.ports.model import ModelBusy
from tests.twins.clock import FakeClock
from tests.twins.deployment import inline
from tests.twins.entropy import SeededEntropy
from tests.twins.one_agent import OneAgent
from tests.twins.stores.paces import MemoryPaces
from tests.twins.telemetry import MemoryTelemetry

KEY = "claude"


@dataclass
class Waiting:
    """A task, and when it was done, if it was (seconds since the beginning)."""

    task: Task
    done: float | None = None

    @property
    def ended(self) -> float:
        assert self.done is not None, "it waits for ever"
        return self.done


@dataclass
class Outage:
    """``is_bad(model, second)`` says whether a call is throttled; one that succeeds takes ``seconds``."""

    is_bad: Callable[[str, int], bool]
    workers: int = 20
    seconds: float = 5.0
    clock: FakeClock = field(default_factory=FakeClock)
    paces: MemoryPaces = field(default_factory=MemoryPaces)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    calls: dict[str, Counter[int]] = field(default_factory=dict)
    successes: dict[str, list[int]] = field(default_factory=dict)
    tasks: list[Waiting] = field(default_factory=list)
    cycles: int = 0
    _events: list[tuple[int, int, Waiting]] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self.start = self.clock.now()
        self.entropy = SeededEntropy()
        self.processes = [self._process() for _ in range(self.workers)]
        self.agent = OneAgent(clock=FakeClock())

    def _process(self) -> Pacing:
        return Pacing(self.paces, self.clock, self.entropy, self.telemetry, inline, KEY)

    def add(self, count: int, model: str = "model", priority: Priority = Priority.NORMAL) -> list[Waiting]:
        new = [Waiting(self.agent.new(model=model, priority=priority)) for _ in range(count)]
        self.tasks += new
        for waiting in new:
            self._later(waiting, self.clock.now())
        return new

    def run(self, seconds: float) -> None:
        """Until so much time has passed, or all tasks have ended."""
        asyncio.run(self._run(self.clock.now() + int(seconds * 1000)))

    def second(self, at: int) -> int:
        return (at - self.start) // 1000

    async def _run(self, until: int) -> None:
        while self._events and self._events[0][0] <= until:
            at, _, waiting = heapq.heappop(self._events)
            self.clock.advance(max(0, at - self.clock.now()) / 1000)
            process = self.processes[int(self.entropy.fraction() * self.workers)]
            await self._deliver(process, waiting)
        self.clock.advance((until - self.clock.now()) / 1000)

    async def _deliver(self, process: Pacing, waiting: Waiting) -> None:
        """What a worker does with a task's message."""
        self.cycles += 1
        task, now = waiting.task, self.clock.now()
        if process.limits(task) and not await process.admit(task):
            return self._wait(process, waiting)
        if not await process.may_call(task.model):
            return self._wait(process, waiting)
        self.calls.setdefault(task.model, Counter())[self.second(now)] += 1
        if self.is_bad(task.model, self.second(now)):
            self.clock.advance(0.001)
            await process.report_throttled(task.model, now, ModelBusy("529", overloaded=True, throttled=True))
            return self._wait(process, waiting)
        self.successes.setdefault(task.model, []).append(now)
        self.clock.advance(0.001)
        await process.report_success(task.model, now)
        waiting.done = (now - self.start) / 1000 + self.seconds
        return None

    def _wait(self, process: Pacing, waiting: Waiting) -> None:
        seconds = process.seconds_to_wait(waiting.task)
        waiting.task = replace(waiting.task, throttled_calls=waiting.task.throttled_calls + 1)
        self._later(waiting, self.clock.now() + seconds * 1000)

    def _later(self, waiting: Waiting, at: int) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, waiting))
