"""The share of each receiver, and of each project's receivers, of what delivers notifications.

Kept by the process, which is one of few (``WebhookConcurrency``) and lives for hours: a limit that is shared
would cost a write for every notification, and knowing nothing costs one try.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.domain.webhooks.circuit import Circuit
from a2a_tasks.ports.clock import Clock

CALLS = Rate(per_hour=3_600, burst=100)
"""To one receiver, so that nobody's address is flooded in somebody's name."""
WAITING = Rate(per_hour=1_200, burst=60)
"""Seconds in which a project's receivers are waited for in vain: what is sent beside them waits too."""
MOST_KNOWN = 10_000
ONE_AT_A_TIME_SECONDS = 5.0


class NotTaken(Exception):
    """A receiver does not have a notification. ``asked`` is in how many seconds it may be tried again."""

    def __init__(self, reason: str, asked: float | None = None) -> None:
        super().__init__(reason)
        self.asked = asked


@dataclass
class _Waiting:
    """What a project has used of its rate, as ``domain/access/rate.py`` counts (Unix microseconds)."""

    tat: int = 0


@dataclass
class Receiver:
    """A host, with its port, of one project: no project's failures are another's."""

    clock: Clock
    waiting: _Waiting
    circuit: Circuit = field(default_factory=Circuit)
    calls_tat: int = 0
    first: asyncio.Event | None = None

    def check(self) -> None:
        """Raises ``NotTaken`` where it must not be tried now."""
        now = self.clock.now()
        if now < self.circuit.open_until:
            raise NotTaken("the receiver did not answer lately", (self.circuit.open_until - now) / 1000)
        if not self.circuit.is_proven and (wait := WAITING.wait(self.waiting.tat, now * 1000)):
            raise NotTaken("the project's receivers do not answer", wait / 1_000_000)
        if wait := CALLS.wait(self.calls_tat, now * 1000):
            raise NotTaken("the receiver gets too many notifications", wait / 1_000_000)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """One try, inside: a ``NotTaken`` raised there opens the circuit. While it is not known to answer,
        one try goes first, and the others wait for how that ends; once, since who waits holds up others.

        Raises ``NotTaken`` as ``check`` does.
        """
        if self.first is not None:
            await self.first.wait()
            if not self.circuit.is_proven:
                self.check()
                raise NotTaken(
                    "the receiver takes long, and is called by one at a time", ONE_AT_A_TIME_SECONDS
                )
        self.check()
        self.calls_tat = max(self.calls_tat, self.clock.now() * 1000) + CALLS.interval
        if self.circuit.is_proven:
            async with self._watched():
                yield
            return
        self.first = asyncio.Event()
        try:
            async with self._watched():
                yield
        finally:
            self.first.set()
            self.first = None

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """See how it ends, and charge the project with the time if that was long or in vain."""
        begun = self.clock.now()
        try:
            yield
        except NotTaken as not_taken:
            if self.circuit.failed(self.clock.now(), not_taken.asked):
                self._charge(begun)  # what fails beside it took the same time
            raise
        self.circuit.answered((self.clock.now() - begun) / 1000)
        if not self.circuit.is_proven:
            self._charge(begun)

    def _charge(self, begun: int) -> None:
        now = self.clock.now()
        seconds = max(1, ceil((now - begun) / 1000))
        self.waiting.tat = max(self.waiting.tat, now * 1000) + seconds * WAITING.interval


@dataclass
class Receivers:
    """All that a process knows."""

    clock: Clock
    _receivers: dict[tuple[str, str], Receiver] = field(default_factory=dict)
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    def of(self, project_id: str, host: str) -> Receiver:
        """With many, all are forgotten: those that are tried now go on by themselves."""
        if len(self._receivers) >= MOST_KNOWN:
            self._receivers.clear()
        known = self._receivers.get((project_id, host))
        if known is None:
            if len(self._waiting) >= MOST_KNOWN:
                self._waiting.clear()
            waiting = self._waiting.setdefault(project_id, _Waiting())
            known = self._receivers[project_id, host] = Receiver(self.clock, waiting)
        return known
