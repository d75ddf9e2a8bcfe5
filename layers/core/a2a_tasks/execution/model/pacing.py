"""Limits this process's calls of the models to the pace that all workers share."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil

from a2a_tasks.domain.backoff import backoff
from a2a_tasks.domain.overload.pace import (
    IN_A_ROW,
    LONGEST_GAP_MS,
    Pace,
    PaceKey,
    after_success,
    after_throttling,
)
from a2a_tasks.domain.schedule import MAX_QUEUE_DELAY_MS
from a2a_tasks.domain.task import Priority, Task
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import ModelBusy, PaceStore, PaceTurn
from a2a_tasks.ports.telemetry import Telemetry

KNOWN_MS = 30_000
"""How long the absence of a pace is cached, for tasks that were throttled."""
AHEAD_MS = 1_000
"""Validity of calls that were taken in advance."""
ADMITTED_MS = 10_000
"""Time that an admitted task has to make its call."""
URGENT_MS = 30_000
"""How long tasks of high priority go first after one of them was seen waiting."""
WHOEVER_COMES = 0.1
"""Share of attempts that ignores priority, to prevent starvation."""
BASE_SECONDS = {Priority.HIGH: 1.5, Priority.NORMAL: 2.0, Priority.LOW: 3.0}
LONGEST_SECONDS = {Priority.HIGH: 15.0, Priority.NORMAL: 90.0, Priority.LOW: 110.0}
"""Delay of a task that has to wait: initially ``BASE_SECONDS``, doubling up to this. While the pace
recovers it is multiplied by ``GROWING``."""
GROWING = 0.3


@dataclass
class _Known:
    """What this process knows about a pace: calls that it may make until ``ahead_until``, and how many of
    them belong to admitted tasks."""

    pace: Pace | None
    read_at: int
    ahead: int = 0
    ahead_until: int = 0
    admitted: int = 0
    admitted_until: int = 0

    def admit(self, now: int) -> None:
        """Count an admitted task. Admissions that were not used in time are dropped."""
        # a task that was admitted but never claimed, or whose worker died, is not reported back
        self.admitted = 1 if now >= self.admitted_until else self.admitted + 1
        self.admitted_until = now + ADMITTED_MS


@dataclass(frozen=True)
class Pacing:
    """Limits calls to the shared pace.

    While calls are hardly throttled nothing is read or written: a process learns of a pace from its own
    throttled calls, or from a task whose call was. If the store does not respond, the process relies on
    what it knows, at the slowest pace.
    """

    store: PaceStore
    clock: Clock
    entropy: Entropy
    telemetry: Telemetry
    run: RunBlocking
    key: str
    """Name of the key or account that calls are made with."""
    _known: dict[PaceKey, _Known] = field(default_factory=dict, init=False, repr=False)
    _in_a_row: Counter[PaceKey] = field(default_factory=Counter, init=False, repr=False)
    # one task at a time uses a pace: of a hundred concurrent compare-and-set writes all but one would fail
    _locks: defaultdict[PaceKey, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock), init=False, repr=False
    )

    def limits(self, task: Task) -> bool:
        """Whether a call for the task may have to wait."""
        known = self._known.get(self._pace_key(task.model))
        return (known is not None and known.pace is not None) or task.throttled_calls > 0

    async def admit(self, task: Task) -> bool:
        """Whether a call may be made for a task that is not claimed yet. It must follow soon, because it is
        counted now."""
        pace_key, is_urgent = self._pace_key(task.model), task.priority is Priority.HIGH
        async with self._locks[pace_key]:
            if await self._may_start(pace_key, is_urgent=is_urgent, is_suspect=task.throttled_calls > 0):
                if (known := self._known.get(pace_key)) is not None:
                    known.admit(self.clock.now())
                return True
            if is_urgent:
                await self._note_urgent(pace_key)
        self.telemetry.count("PacedCalls")
        return False

    async def may_call(self, model: str) -> bool:
        """Whether a running task may call the model now. Running tasks go before those that have not
        begun."""
        pace_key = self._pace_key(model)
        async with self._locks[pace_key]:
            known = self._known.get(pace_key)
            if known is not None and known.admitted > 0 and self.clock.now() < known.admitted_until:
                known.admitted -= 1
                return True
            if await self._may_start(pace_key, is_urgent=True, is_suspect=False):
                return True
        self.telemetry.count("PacedCalls")
        return False

    def seconds_to_wait(self, task: Task, retry_after: float | None = None) -> int:
        """Delay in seconds of a task that has to wait: with jitter, shorter for high priority, and never
        shorter than ``retry_after`` (seconds)."""
        known = self._known.get(self._pace_key(task.model))
        pace, now = known.pace if known else None, self.clock.now()
        first, longest = BASE_SECONDS[task.priority], LONGEST_SECONDS[task.priority]
        seconds = backoff(task.throttled_calls, first, longest)
        if pace is not None and pace.taken_at is not None:
            seconds *= GROWING
        held = max(retry_after or 0, (pace.next_at - now) / 1000 if pace else 0)
        spread = seconds * (0.5 + 0.5 * self.entropy.fraction())
        return min(MAX_QUEUE_DELAY_MS // 1000, ceil(held + spread))

    def is_overloaded(self, model: str) -> bool:
        """Whether the model itself is overloaded, as far as known."""
        known = self._known.get(self._pace_key(model))
        return known is not None and known.pace is not None and known.pace.is_overloaded

    async def report_throttled(self, model: str, begun_at: int, busy: ModelBusy) -> None:
        """Report that a call that began at ``begun_at`` was throttled."""
        pace_key, now = self._pace_key(model), self.clock.now()
        self.telemetry.count("ModelOverloaded", code=model)
        if not busy.overloaded:
            self.telemetry.count("ModelRateLimited", code=model)
        self._in_a_row[pace_key] += 1
        # isolated throttled calls do not indicate a general limit
        if self._in_a_row[pace_key] < IN_A_ROW:
            return
        async with self._locks[pace_key]:
            known = self._known.get(pace_key)
            seen = known.pace if known else None
            # retried once if another process has set a pace meanwhile, unless it did so after this call had
            # begun
            for _ in range(2):
                if seen is not None and seen.set_at >= begun_at:
                    return  # the call began before this pace was set
                new = after_throttling(seen, now, busy.retry_after, is_overloaded=busy.overloaded)
                seen = await self._put(pace_key, seen, new)
                # set by this process, or assumed so if the store did not respond
                if seen is not None and seen.set_at == now:
                    self.telemetry.milliseconds("ModelPaceMs", new.gap_ms)
                    return

    async def report_success(self, model: str, begun_at: int) -> None:
        """Report that a call that began at ``begun_at`` succeeded: the pace recovers from now on."""
        pace_key = self._pace_key(model)
        self._in_a_row[pace_key] = 0
        async with self._locks[pace_key]:
            known = self._known.get(pace_key)
            if known is None or known.pace is None or known.pace.taken_at is not None:
                return
            # a call that began earlier does not confirm this pace
            if begun_at > known.pace.set_at:
                await self._put(pace_key, known.pace, after_success(known.pace, self.clock.now()))

    # -- under the key's lock

    def _pace_key(self, model: str) -> PaceKey:
        return PaceKey(model, self.key)

    async def _may_start(self, pace_key: PaceKey, *, is_urgent: bool, is_suspect: bool) -> bool:
        known, now = self._known.get(pace_key), self.clock.now()
        # nothing is read unless the task was throttled before, so that healthy tasks cost nothing
        if known is None or (known.pace is None and now - known.read_at >= KNOWN_MS):
            if not is_suspect:
                return True
            known = self._remember(pace_key, await self._from_store(partial(self.store.pace, pace_key), None))
        is_first = is_urgent or self.entropy.fraction() < WHOEVER_COMES
        # retried once, with the pace as stored, if another process took the call first
        for _ in range(2):
            pace, now = known.pace, self.clock.now()
            if pace is None or pace.is_over(now):
                known.pace = None
                return True
            if known.ahead > 0 and now < known.ahead_until:
                known.ahead -= 1
                return True
            if pace.next_at > now or (not is_first and pace.urgent_until > now):
                return False
            taking = await self._take(pace_key, pace, now, is_urgent=is_first)
            known = self._remember(pace_key, taking.pace)
            if taking.is_granted:
                known.ahead, known.ahead_until = pace.count_at(now) - 1, now + AHEAD_MS
                return True
        return False

    async def _note_urgent(self, pace_key: PaceKey) -> None:
        known, now = self._known.get(pace_key), self.clock.now()
        # extended only in its second half, so that many waiting tasks cause few writes
        if known is None or known.pace is None or known.pace.urgent_until > now + URGENT_MS // 2:
            return
        known.pace = replace(known.pace, urgent_until=now + URGENT_MS)
        # if it fails, tasks of lower priority may go first for a while, which is harmless
        await self._from_store(partial(self.store.note_urgent, pace_key, now + URGENT_MS), None)

    async def _put(self, pace_key: PaceKey, seen: Pace | None, new: Pace) -> Pace | None:
        # without the table this process applies it on its own
        current: Pace | None = await self._from_store(partial(self.store.put, pace_key, seen, new), new)
        self._remember(pace_key, current)
        return current

    async def _take(self, pace_key: PaceKey, pace: Pace, now: int, *, is_urgent: bool) -> PaceTurn:
        # without the table each process continues on its own, at the slowest pace
        alone = PaceTurn(True, replace(pace, next_at=now + LONGEST_GAP_MS))
        return await self._from_store(
            partial(self.store.take, pace_key, pace, now, is_urgent=is_urgent), alone
        )

    def _remember(self, pace_key: PaceKey, pace: Pace | None) -> _Known:
        known = self._known.get(pace_key)
        if known is None:
            known = self._known[pace_key] = _Known(pace, self.clock.now())
        if pace is not None and pace.taken_at != (known.pace.taken_at if known.pace else None):
            self._in_a_row[pace_key] = 0  # the pace recovers: earlier throttled calls no longer count
        known.pace, known.read_at = pace, self.clock.now()
        return known

    async def _from_store[T](self, call: Callable[[], T], otherwise: T) -> T:
        """What the store returns, or ``otherwise`` if it does not respond."""
        try:
            return await self.run(call)
        except StoreUnavailable as error:
            self.telemetry.problem("pace of model calls not read", reason=str(error))
            return otherwise
