"""The execution environments of all functions that stream."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.gateway.deployed_function import DeployedFunction
from local.gateway.environment import Environment

MAX_ENVIRONMENTS = 16
"""Of one function: each is a Python process of some 80 MB."""
WAIT_SECONDS = 10.0
MAX_AGE_SECONDS = 1800.0
"""So that the credentials of the function's role, which expire after an hour, outlast an invocation."""
IDLE_SECONDS = 300.0


class Throttled(Exception):
    """All environments of the function are busy."""


@dataclass
class Pool:
    """Lends environments, each to one invocation at a time. Idle ones are reused, the most recently used
    first, unless they are dead, old, or of an earlier deployment; `start` creates another."""

    start: Callable[[DeployedFunction], Environment]
    limit: int = MAX_ENVIRONMENTS
    wait_seconds: float = WAIT_SECONDS
    clock: Callable[[], float] = time.monotonic
    _idle: dict[str, list[tuple[float, Environment]]] = field(default_factory=lambda: defaultdict(list))
    _busy: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def lent(self, function: DeployedFunction) -> Iterator[Environment]:
        """An environment for the length of the block. Raises Throttled if all stay busy."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy[function.name] < self.limit, self.wait_seconds):
                raise Throttled(function.name)
            self._busy[function.name] += 1
            environment, outdated = self._take(function)
        try:
            for each in outdated:
                each.end()
            environment = environment or self.start(function)
            yield environment
        finally:
            with self._changed:
                self._busy[function.name] -= 1
                if environment is not None:
                    self._idle[function.name].append((self.clock(), environment))
                self._changed.notify()

    def end(self) -> None:
        """End the idle environments."""
        with self._changed:
            environments = [each for idle in self._idle.values() for _, each in idle]
            self._idle.clear()
        for environment in environments:
            environment.end()

    def _take(self, function: DeployedFunction) -> tuple[Environment | None, list[Environment]]:
        """An idle environment, and those that must not be reused."""
        now = self.clock()
        usable, outdated = [], []
        for since, environment in self._idle[function.name]:
            if (
                environment.is_alive
                and environment.function.revision == function.revision
                and now - environment.started_at < MAX_AGE_SECONDS
                and now - since < IDLE_SECONDS
            ):
                usable.append((since, environment))
            else:
                outdated.append(environment)
        taken = usable.pop()[1] if usable else None
        self._idle[function.name] = usable
        return taken, outdated
