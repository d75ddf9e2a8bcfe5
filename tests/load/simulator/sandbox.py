"""One process on Lambda: its share of a processor, its calls, its death, and its freezes."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from greenlet import getcurrent, greenlet

from a2a_tasks.adapters.clients import CONFIG
from a2a_tasks.adapters.process_load import LATE_SECONDS
from a2a_tasks.ports.blocking import RunParallel, WorkStep
from a2a_tasks.ports.errors import PayloadUnavailable, QueueUnavailable, StoreUnavailable
from tests.load.simulator.calls import Operation, Touches, operation
from tests.load.simulator.cloud import PROCESSOR_SECONDS, Cloud
from tests.load.simulator.kernel import Kernel
from tests.twins.faults.failpoints import Crash, Failpoints

WHOLE_PROCESSOR_MB = 1_769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html; with more memory there are more
processors, which one interpreter does not use."""
TRIES: int = CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]  # set from its arguments
READ_SECONDS: float = CONFIG.read_timeout  # type: ignore[attr-defined]
"""Of botocore; the delays between attempts are its own."""
TURN_PROCESSOR_SECONDS = 0.02
"""For the stream of a model's turn."""
POLL_SECONDS = 0.05
"""How soon a long poll finds a new message."""
LOCAL = frozenset({"api", "model"})
"""Ports whose non-blocking methods make no call."""
FAILURES = {"queue": QueueUnavailable, "notifications": QueueUnavailable, "payloads": PayloadUnavailable}

LOOK_SECONDS, PATIENCE_SECONDS = 0.25, 2.0
"""The interval at which the remaining time is checked, and how long steps may take after it has run out."""

_here: ContextVar["Sandbox | None"] = ContextVar("sandbox", default=None)


class Sandbox(Failpoints):
    """``Failpoints``, ``Clock``, ``RunBlocking`` and ``ProcessLoad`` of a process; ``kill`` ends it in
    mid-call.

    A call waits for the processor, then for the request's transfer, takes effect, and waits for the response.
    If the process is killed during the transfer, chance decides whether the request was sent.
    """

    def __init__(self, kernel: Kernel, cloud: Cloud, memory_mb: int) -> None:
        super().__init__()
        self._kernel = kernel
        self._cloud = cloud
        self._slowness = max(1.0, WHOLE_PROCESSOR_MB / memory_mb)
        self._processor_free_at = 0.0
        self._blocking: set[greenlet] = set()
        self._is_frozen = False
        self._frozen: list[Callable[[], object]] = []
        self._awaited: set[asyncio.Future[Any]] = set()
        """Calls that were given up: referenced only here, so that their waiters are not garbage-collected."""

    # -- Clock and RunBlocking

    def now(self) -> int:
        return self._kernel.clock.now()

    def ticks(self) -> int:
        return self._kernel.clock.ticks()

    async def sleep(self, seconds: float) -> None:
        await self._kernel.clock.sleep(seconds)
        await self._thawed()

    async def run[**P, T](self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        done: asyncio.Future[T] = self._kernel.loop.create_future()
        self._awaited.add(done)
        self._call_for(partial(call, *args, **kwargs), done)
        try:
            return await done
        finally:
            self._awaited.discard(done)

    # -- ProcessLoad

    def lacks_memory(self) -> bool:
        return False

    def lacks_time(self) -> bool:
        """Whether work waits long for the processor."""
        return self._processor_free_at - self._kernel.time > LATE_SECONDS

    # -- the process

    def wrap[T](self, name: str, port: T) -> T:
        """The port, with calls going through this process."""
        return cast(T, _Remote(name, port, self))

    async def hosts[T](self, work: Awaitable[T]) -> T:
        """The result of work in this process. Raises ``Crash`` once the process is killed."""
        _here.set(self)
        return await work

    def kill(self) -> None:
        """Stop all of its work."""
        self.stop_calls()
        for task in asyncio.all_tasks(self._kernel.loop):
            if task.get_context().get(_here) is self:
                task.cancel()

    def stop_calls(self) -> None:
        """Abort its calls, and let no more begin."""
        self.dead = True
        for each in list(self._blocking):
            each.throw(Crash("killed"))

    def freeze(self) -> None:
        """Suspend the process between two invocations, while time passes."""
        self._is_frozen = True

    def thaw(self) -> None:
        self._is_frozen = False
        waiting, self._frozen = self._frozen, []
        for go_on in waiting:
            self._kernel.loop.call_soon(go_on)

    def start(self, work: Callable[[], object]) -> None:
        """Start blocking work on a thread of the process, which ends with the process."""

        def tracked() -> None:
            self._blocking.add(getcurrent())
            try:
                work()
            except Crash:
                return  # no caller is left
            finally:
                self._blocking.discard(getcurrent())

        self._kernel.start(tracked)

    def threads(self, count: int) -> RunParallel:
        """Runs steps, and those that follow from them, on this many threads; threads that hang when no time
        is left are abandoned a little later."""

        def run_parallel(steps: Sequence[WorkStep], time_left: Callable[[], bool]) -> None:
            line = _Line(self._kernel, deque(steps))
            for _ in range(count):
                self.start(line.work)
            late_seconds = 0.0
            while not line.is_over() and late_seconds <= PATIENCE_SECONDS:
                self._pause(LOOK_SECONDS)
                late_seconds += 0 if time_left() else LOOK_SECONDS
            line.close()

        return run_parallel

    # -- a call

    def call(self, point: str, row: Operation, touches: Touches | None, port: object, effect: Any) -> Any:
        """Make a call of a port; blocks. Raises what the port raises, and its unavailability if AWS
        throttles."""
        cloud = self._cloud
        for attempt in range(TRIES):
            seconds = cloud.seconds(point, row)
            try:
                self._pause(self._processor(PROCESSOR_SECONDS) + min(seconds / 2, READ_SECONDS))
            except Crash:
                if cloud.random.random() < 0.5:
                    effect()  # the request had been sent
                raise
            touched = touches(port, *effect.args, **effect.keywords) if touches else ()
            if not cloud.is_refused(point, touched):
                cloud.count(point, row)
                if seconds <= READ_SECONDS:
                    return self._answered(row, effect, seconds / 2)
                self._unanswered(effect, seconds / 2)
                continue
            backoff = cloud.random.random() * 2.0**attempt if attempt < TRIES - 1 else 0
            self._pause(seconds / 2 + backoff)
        failure = FAILURES.get(point.partition(".")[0], StoreUnavailable)
        raise failure(f"{row.api}: throttled, or no answer")

    async def turn(self) -> None:
        """A turn of the model uses some of the processor."""
        await self.sleep(self._processor(TURN_PROCESSOR_SECONDS))

    def _answered(self, row: Operation, effect: Any, seconds: float) -> Any:
        answer = effect()
        if not callable(row.blocks_seconds):
            left, step = row.blocks_seconds, row.blocks_seconds
        else:
            left, step = row.blocks_seconds(*effect.args), POLL_SECONDS
        while not answer and left > 0:
            self._pause(step)
            answer, left = effect(), left - step
        self._pause(seconds)
        return answer

    def _unanswered(self, effect: Callable[[], Any], seconds: float) -> None:
        """Time out. The request may still take effect."""
        if seconds <= READ_SECONDS:
            effect()
        self._pause(max(0.0, READ_SECONDS - seconds))

    def _processor(self, seconds: float) -> float:
        """How long from now until the processor has done this much, after all earlier work."""
        now = self._kernel.time
        self._processor_free_at = max(now, self._processor_free_at) + seconds * self._slowness
        return self._processor_free_at - now

    def _pause(self, seconds: float) -> None:
        self._kernel.pause(seconds)
        if self._is_frozen:
            self._frozen.append(getcurrent().switch)
            self._kernel.wait()

    async def _thawed(self) -> None:
        if self._is_frozen:
            woken = self._kernel.loop.create_future()
            self._frozen.append(lambda: None if woken.done() else woken.set_result(None))
            await woken

    def _call_for(self, call: Callable[[], Any], done: "asyncio.Future[Any]") -> None:
        """Call on a thread of the process, and pass on the result."""

        def work() -> None:
            try:
                result = call()
            except Exception as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self.start(work)


class _Remote:
    """A port whose calls go through a process to AWS. Attributes that are not calls, and ports that are not
    AWS's, are left unchanged."""

    def __init__(self, name: str, port: object, sandbox: Sandbox) -> None:
        self._name = name
        self._port = port
        self._sandbox = sandbox

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        point = f"{self._name}.{attribute}"
        if inspect.iscoroutinefunction(value):
            value = self._wrap_async(value)
        elif inspect.ismethod(value) and self._name not in LOCAL:
            value = self._wrap(point, value)
        else:
            return value
        setattr(self, attribute, value)
        return value

    def _wrap(self, point: str, method: Callable[..., Any]) -> Callable[..., Any]:
        row, sandbox, port = operation(point), self._sandbox, self._port

        def call(*args: Any, **kwargs: Any) -> Any:
            if sandbox.dead:
                raise Crash("after its death")
            return sandbox.call(point, row, row.touches, port, partial(method, *args, **kwargs))

        return call

    def _wrap_async(self, method: Callable[..., Any]) -> Callable[..., Any]:
        sandbox = self._sandbox

        async def call(*args: Any, **kwargs: Any) -> Any:
            if sandbox.dead:
                raise Crash("after its death")
            await sandbox.turn()
            return await method(*args, **kwargs)

        return call


@dataclass
class _Line:
    """Steps waiting for a thread."""

    kernel: Kernel
    steps: deque[WorkStep]
    busy: int = 0
    idle: list[greenlet] = field(default_factory=list)

    def work(self) -> None:
        """Run steps until no more can follow."""
        while not self.is_over():
            if not self.steps:
                self.idle.append(getcurrent())
                self.kernel.wait()
                continue
            self.busy += 1
            try:
                self.steps.extend(self.steps.popleft()())
            finally:
                self.busy -= 1
                self._wake()

    def is_over(self) -> bool:
        return not self.steps and self.busy <= 0

    def close(self) -> None:
        self.steps.clear()
        self.busy = 0
        self._wake()

    def _wake(self) -> None:
        waiting, self.idle = self.idle, []
        for each in waiting:
            self.kernel.wake(each)
