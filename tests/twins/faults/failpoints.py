"""Failpoints: a port fails at a chosen call, before it takes effect or after (its response is lost)."""

import functools
import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast


class Crash(BaseException):
    """The process dies here. No production code may catch this."""


@dataclass(frozen=True)
class Fault:
    """The fault of a call. ``after`` lets the call take effect first and loses its response."""

    error: BaseException
    after: bool = False


@dataclass
class Failpoints:
    """The failpoints of one process. A point is ``port.method``; calls are counted from 1. Raises
    AssertionError for a point that no port has, since a test with it would prove nothing.

    After a ``Crash`` the process is dead: every further call of a wrapped port crashes too.
    """

    faults: dict[tuple[str, int], Fault] = field(default_factory=dict)
    outages: dict[str, Exception] = field(default_factory=dict)
    interludes: dict[tuple[str, int], Callable[[], object]] = field(default_factory=dict)
    crash_at: int | None = None
    """Die at this call of all ports together."""
    crash_after: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    on_death: Callable[[], object] | None = None
    _ports: dict[str, object] = field(default_factory=dict)

    def fail(self, point: str, error: BaseException, *, call: int = 1, after: bool = False) -> None:
        """Raise ``error`` at the n-th call of a point."""
        self.faults[point, call] = Fault(error, after)
        self._check(point)

    def before(self, point: str, action: Callable[[], object], *, call: int = 1) -> None:
        """Run an action just before the n-th call of a point."""
        self.interludes[point, call] = action
        self._check(point)

    def down(self, port: str, error: Exception) -> None:
        """Raise ``error`` at every call of a port (or of one point) until it is ``up``."""
        self.outages[port] = error
        self._check(port)

    def up(self, port: str) -> None:
        self.outages.pop(port, None)

    def wrap[T](self, name: str, port: T) -> T:
        """The port, with these failpoints in front of its methods."""
        self._ports[name] = port
        for point in (*self.outages, *(point for point, _ in (*self.faults, *self.interludes))):
            self._check(point)
        return cast(T, _Wrapped(name, port, self))

    def _check(self, point: str) -> None:
        name, _, method = point.partition(".")
        if method and name in self._ports:
            assert hasattr(self._ports[name], method), f"there is no {point}"

    def fault_of(self, point: str) -> Fault | None:
        """Count a call and return its fault."""
        if self.dead:
            return Fault(Crash(f"at {point}, after its death"))
        self.calls[point] += 1
        if interlude := self.interludes.pop((point, self.calls[point]), None):
            interlude()
        if self.crash_at is not None and self.calls.total() == self.crash_at:
            return Fault(Crash(f"at {point}"), self.crash_after)
        error = self.outages.get(point) or self.outages.get(point.partition(".")[0])
        return Fault(error) if error else self.faults.get((point, self.calls[point]))

    def die(self) -> None:
        """Kill the process, whatever it is doing."""
        self.dead = True
        if self.on_death is not None:
            self.on_death()

    def throw(self, fault: Fault) -> None:
        if isinstance(fault.error, Crash):
            self.die()
        raise fault.error


class _NoFailpoints(Failpoints):
    def wrap[T](self, name: str, port: T) -> T:  # noqa: ARG002
        return port


NO_FAILPOINTS: Failpoints = _NoFailpoints()
"""Those of a process without faults, as most are: its ports are not wrapped at all."""

_is_async = functools.cache(inspect.iscoroutinefunction)


class _Wrapped:
    def __init__(self, name: str, port: object, failpoints: Failpoints) -> None:
        self._name = name
        self._port = port
        self._failpoints = failpoints

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        point = f"{self._name}.{attribute}"
        if inspect.ismethod(value):
            return self._wrap_async(point, value) if _is_async(value.__func__) else self._wrap(point, value)
        return self._wrap_async(point, value) if inspect.iscoroutinefunction(value) else value

    def _wrap(self, point: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            fault = self._failpoints.fault_of(point)
            if fault and not fault.after:
                self._failpoints.throw(fault)
            try:
                return method(*args, **kwargs)
            finally:
                if fault:
                    self._failpoints.throw(fault)

        return call

    def _wrap_async(self, point: str, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            fault = self._failpoints.fault_of(point)
            if fault and not fault.after:
                self._failpoints.throw(fault)
            try:
                return await method(*args, **kwargs)
            finally:
                if fault:
                    self._failpoints.throw(fault)

        return call
