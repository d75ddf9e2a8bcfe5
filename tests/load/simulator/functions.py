"""Lambda: sandboxes that are started cold, reused, frozen between invocations and killed at their timeout."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from a2a_tasks.ports.queues import Delivery
from tests.load.simulator.cloud import USD
from tests.load.simulator.kernel import Kernel
from tests.load.simulator.queue import BigQueue
from tests.load.simulator.sandbox import Sandbox
from tests.load.simulator.settings import FunctionSettings, SourceSettings
from tests.twins.faults.failpoints import Crash

IDLE_SECONDS = 600
"""How long an idle sandbox is kept; Lambda guarantees nothing."""
FIRST_POLLERS, MORE_A_SECOND = 5, 5
"""Initial number of concurrent batches, and their growth while messages wait: 300 a minute, according to
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html."""
RECEIVE_SECONDS = 0.015
RETRY_AFTER_SECONDS = (60, 120)
"""Delays before the retries of a failed asynchronous call."""

type TimeLeft = Callable[[], float]
"""Remaining seconds of an invocation."""
type Handler = Callable[[Any, TimeLeft], Awaitable[Any]]
type Start = Callable[[Sandbox], Handler]
"""Loads a function's code in a new sandbox."""


class Failed(Exception):
    """An invocation ended without a response."""


@dataclass
class _Environment:
    sandbox: Sandbox
    handler: Handler
    idle_since: float = 0


@dataclass
class Function:
    """A function of the deployment. ``seconds`` are those that are billed."""

    name: str
    settings: FunctionSettings
    start: Start
    new_sandbox: Callable[[int], Sandbox]
    kernel: Kernel
    random: Random
    cold_start_seconds: float
    running: int = 0
    invocations: int = 0
    killed: int = 0
    seconds: float = 0
    raised: list[BaseException] = field(default_factory=list)
    _idle: list[_Environment] = field(default_factory=list)
    _busy: list[_Environment] = field(default_factory=list)

    @property
    def usd(self) -> float:
        gigabytes = self.settings.memory_mb / 1_024
        return self.seconds * gigabytes * USD["second"] + self.invocations * USD["start"]

    def is_throttled(self) -> bool:
        return self.settings.reserved is not None and self.running >= self.settings.reserved

    def kill_one(self) -> None:
        """Kill a sandbox in the middle of its work, if one is working."""
        if self._busy:
            self._busy[self.random.randrange(len(self._busy))].sandbox.kill()

    async def invoke(self, event: Any) -> Any:
        """The response. Raises ``Failed`` if it was killed, at its timeout or before, or raised an
        exception."""
        self.running += 1
        self.invocations += 1
        environment = await self._environment()
        began = self.kernel.time
        self._busy.append(environment)
        try:
            return await self._answer(environment, event, began + self.settings.timeout_seconds)
        finally:
            self.running -= 1
            self.seconds += self.kernel.time - began
            self._busy.remove(environment)

    async def _answer(self, environment: _Environment, event: Any, end: float) -> Any:
        sandbox, kernel = environment.sandbox, self.kernel
        sandbox.thaw()
        work = kernel.loop.create_task(_hosted(environment, event, lambda: end - kernel.time))
        await asyncio.wait({work}, timeout=self.settings.timeout_seconds)
        if not work.done():
            sandbox.kill()
        if sandbox.dead:
            self.killed += 1
            raise Failed(self.name)
        if (error := work.exception()) is not None:
            self.raised.append(error)
            raise Failed(self.name) from error
        sandbox.freeze()
        environment.idle_since = kernel.time
        self._idle.append(environment)
        return work.result()

    async def _environment(self) -> _Environment:
        while self._idle:
            environment = self._idle.pop()
            if self.kernel.time - environment.idle_since < IDLE_SECONDS:
                return environment
        await asyncio.sleep(self.cold_start_seconds * self.random.lognormvariate(0, 0.2))
        sandbox = self.new_sandbox(self.settings.memory_mb)
        return _Environment(sandbox, self.start(sandbox))


async def _hosted(environment: _Environment, event: Any, time_left: TimeLeft) -> Any:
    try:
        return await environment.sandbox.hosts(environment.handler(event, time_left))
    except (Crash, asyncio.CancelledError):
        return None  # the process is dead


@dataclass
class EventSource:
    """A queue that invokes a function. Messages of an invocation without a response stay invisible until
    their visibility timeout."""

    queue: BigQueue
    function: Function
    settings: SourceSettings
    kernel: Kernel
    tick_seconds: float
    """How soon it sees a message after its visibility timeout."""
    receives: int = 0
    busy: int = 0
    _pollers: float = FIRST_POLLERS
    _receiving: int = 0

    def begin(self) -> None:
        self.queue.on_message = self.pump
        self.kernel.loop.create_task(self._tick())

    def pump(self) -> None:
        """Start as many invocations as possible."""
        most = min(self.settings.max_concurrency, int(self._pollers))
        while self.busy < most and self._receiving < self.queue.visible():
            if self.function.is_throttled():
                return
            self.busy += 1
            self._receiving += 1
            self.kernel.loop.create_task(self._once())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.tick_seconds)
            if self.busy < int(self._pollers):
                self._pollers = max(FIRST_POLLERS, self._pollers - MORE_A_SECOND * self.tick_seconds)
            elif self.queue.visible():
                self._pollers = min(
                    self.settings.max_concurrency, self._pollers + MORE_A_SECOND * self.tick_seconds
                )
            self.pump()

    async def _once(self) -> None:
        try:
            await asyncio.sleep(RECEIVE_SECONDS)
            self.receives += 1
            self._receiving -= 1
            deliveries: list[Delivery] = self.queue.receive(self.settings.batch_size)
            if deliveries:
                self.queue.settle(deliveries, await self.function.invoke(deliveries))
        except Failed:
            return
        finally:
            self.busy -= 1
            self.kernel.loop.call_soon(self.pump)


@dataclass
class Schedule:
    """Calls a function periodically and asynchronously."""

    function: Function
    every_seconds: int
    kernel: Kernel
    first_at: float
    failed: int = 0

    def begin(self) -> None:
        self.kernel.loop.create_task(self._run())

    async def _run(self) -> None:
        await asyncio.sleep(self.first_at)
        while True:
            self.kernel.loop.create_task(self._call())
            await asyncio.sleep(self.every_seconds)

    async def _call(self) -> None:
        asked_at, settings = self.kernel.time, self.function.settings
        for pause in (0, *RETRY_AFTER_SECONDS[: settings.retries]):
            await asyncio.sleep(pause)
            while self.function.is_throttled():  # noqa: ASYNC110  Lambda retries by time, too
                await asyncio.sleep(1)
            if self.kernel.time - asked_at > settings.max_age_seconds:
                return
            try:
                await self.function.invoke(None)
            except Failed:
                self.failed += 1
            else:
                return
