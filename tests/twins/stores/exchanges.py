"""Exchanges with people in chats, in memory: the pure rules under one lock."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from a2a_tasks.ports.live import LiveChunk, LiveStore
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.wecom.exchange import (
    LEFT,
    DeliveryClaim,
    Exchange,
    ExchangeEnd,
    ExchangeRef,
    ExchangeState,
    Feedback,
    may_claim,
    may_close,
    may_settle,
    state_after,
)
from a2a_tasks.wecom.ports import NEWEST, LiveExchanges
from tests.twins.stores.live import MemoryLive
from tests.twins.stores.reservations import MemoryReservations


@dataclass
class MemoryExchanges:
    """``ExchangeStore``; ``live`` has the live text of tasks, ``behind`` are exchanges that ``watch`` misses
    for now."""

    live: LiveStore = field(default_factory=MemoryLive)
    kept: dict[ExchangeRef, Exchange] = field(default_factory=dict)
    until: dict[ExchangeRef, int] = field(default_factory=dict)
    behind: set[ExchangeRef] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, exchange: Exchange, until: int) -> Exchange:
        with self._lock:
            self.until.setdefault(exchange.ref, until)
            return self.kept.setdefault(exchange.ref, exchange)

    def remove(self, ref: ExchangeRef) -> bool:
        with self._lock:
            if (found := self.kept.get(ref)) and found.end:
                return False
            self.kept.pop(ref, None)
            return True

    def get(self, ref: ExchangeRef) -> Exchange | None:
        return self.kept.get(ref)

    def watch(self, task_id: str, since: LiveChunk | None = None) -> LiveExchanges:
        exchanges = [exchange for exchange in self.of_task(task_id) if exchange.ref not in self.behind]
        return LiveExchanges(exchanges, self.live.chunks(task_id, since)[-(NEWEST - len(exchanges)) :])

    def of_task(self, task_id: str) -> list[Exchange]:
        found = [exchange for ref, exchange in self.kept.items() if ref.task_id == task_id]
        return sorted(found, key=lambda exchange: exchange.ref.exchange_id)

    def end(self, ref: ExchangeRef, end: ExchangeEnd) -> Exchange | None:
        return self._change(ref, lambda found: found.end is None, end=end)

    def close(self, ref: ExchangeRef) -> Exchange | None:
        return self._change(ref, may_close, state=ExchangeState.CLOSED)

    def claim(self, ref: ExchangeRef, claim: DeliveryClaim, stale_before: int = 0) -> Exchange | None:
        return self._change(
            ref, lambda found: may_claim(found, claim, stale_before), state=state_after(claim), claim=claim
        )

    def settle(self, ref: ExchangeRef, claim_id: str, state: ExchangeState) -> Exchange | None:
        return self._change(ref, lambda found: may_settle(found, claim_id), state=state)

    def leave(self, ref: ExchangeRef, claim_id: str) -> Exchange | None:
        with self._lock:
            found = self.kept.get(ref)
            if found is not None and found.claim is not None and may_settle(found, claim_id):
                self.kept[ref] = replace(found, claim=replace(found.claim, at=LEFT))
            return self.kept.get(ref)

    def rate(self, ref: ExchangeRef, feedback: Feedback) -> Exchange | None:
        return self._change(ref, lambda _found: True, feedback=feedback)

    def _change(self, ref: ExchangeRef, may: Callable[[Exchange], bool], **changes: Any) -> Exchange | None:
        with self._lock:
            found = self.kept.get(ref)
            if found is not None and may(found):
                self.kept[ref] = replace(found, **changes)
            return self.kept.get(ref)


@dataclass
class MemoryFirstMessages:
    """``FirstMessages``."""

    reservations: MemoryReservations
    exchanges: MemoryExchanges

    def begin(
        self, project_id: str, scope: str, key: str, wanted: Reservation, exchange: Exchange, now: int
    ) -> bool:
        if self.reservations.reserve(project_id, scope, key, wanted, now) is not wanted:
            return False
        self.exchanges.put(exchange, wanted.until)
        return True
