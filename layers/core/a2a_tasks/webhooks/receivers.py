"""Limits per receiver, and per project for all its receivers.

State is per process: there are few (``WebhookConcurrency``), which live for hours. Shared state would cost
a write per notification, and without it only one attempt is lost.
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
"""Limit of requests to one receiver, so that this service cannot be used to flood a third party."""
WAITING = Rate(per_hour=1_200, burst=60)
"""Limit of seconds spent waiting for a project's failing receivers, because other deliveries wait
meanwhile."""
MOST_KNOWN = 10_000
"""Receivers, or projects, that a process remembers."""
ONE_AT_A_TIME_SECONDS = 5.0
"""Delay of notifications that waited beside the one that was tried."""


class NotDelivered(Exception):
    """A receiver has not accepted a notification. ``asked`` is the delay in seconds after which it may be
    retried, ``answer`` the HTTP status of its response; ``was_tried`` is False where it was not called."""

    def __init__(
        self, reason: str, asked: float | None = None, *, answer: int | None = None, was_tried: bool = False
    ) -> None:
        super().__init__(reason)
        self.asked = asked
        self.answer = answer
        self.was_tried = was_tried


@dataclass
class _Waiting:
    """A project's use of its rate, as in ``domain/access/rate.py`` (Unix microseconds)."""

    tat: int = 0


@dataclass
class Receiver:
    """A host and port in one project: failures do not affect other projects."""

    clock: Clock
    waiting: _Waiting
    circuit: Circuit = field(default_factory=Circuit)
    calls_tat: int = 0
    first: asyncio.Event | None = None

    def check(self) -> None:
        """Raise ``NotDelivered`` if it must not be called now."""
        now = self.clock.now()
        # such a delivery costs two reads and no request
        if now < self.circuit.open_until:
            raise NotDelivered("the receiver did not answer lately", (self.circuit.open_until - now) / 1000)
        if not self.circuit.is_proven and (wait := WAITING.wait(self.waiting.tat, now * 1000)):
            raise NotDelivered("the project's receivers do not answer", wait / 1_000_000)
        if wait := CALLS.wait(self.calls_tat, now * 1000):
            raise NotDelivered("the receiver gets too many notifications", wait / 1_000_000)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """One attempt: ``NotDelivered`` raised inside opens the circuit. While the receiver is unproven one
        attempt goes first and the others wait for its result, once, since waiting holds up other
        deliveries. Raises ``NotDelivered`` as ``check`` does."""
        if self.first is not None:
            # one request is enough to find out whether the receiver responds
            await self.first.wait()
            if not self.circuit.is_proven:
                self.check()
                raise NotDelivered(
                    "the receiver takes long, and is called by one at a time", ONE_AT_A_TIME_SECONDS
                )
        self.check()
        # counted before the request, so that concurrent attempts see it
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
            # on success or failure: the waiting attempts check the circuit
            self.first.set()
            self.first = None

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Record the result, and charge the project for time that was long or in vain."""
        begun = self.clock.now()
        try:
            yield
        except NotDelivered as not_delivered:
            if self.circuit.failed(self.clock.now(), not_delivered.asked):
                self._charge(begun)  # concurrent failures took the same time
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
    """All receivers that this process knows."""

    clock: Clock
    _receivers: dict[tuple[str, str], Receiver] = field(default_factory=dict)
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    def of(self, project_id: str, host: str) -> Receiver:
        """The receiver's state. When there are too many, all are forgotten; attempts in progress keep
        theirs."""
        if len(self._receivers) >= MOST_KNOWN:
            self._receivers.clear()
        known = self._receivers.get((project_id, host))
        if known is None:
            if len(self._waiting) >= MOST_KNOWN:
                self._waiting.clear()
            waiting = self._waiting.setdefault(project_id, _Waiting())
            known = self._receivers[project_id, host] = Receiver(self.clock, waiting)
        return known
