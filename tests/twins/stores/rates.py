"""Rates in memory."""

import threading
from dataclasses import dataclass, field

from a2a_tasks.domain.access.rate import Rate
from a2a_tasks.ports.rates import Bucket, TakeResult


@dataclass
class MemoryRates:
    """``RateStore``, atomic under one lock."""

    tats: dict[Bucket, int] = field(default_factory=dict)
    totals: dict[Bucket, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, bucket: Bucket, rate: Rate, count: int, now: int, seen: int = 0) -> TakeResult:
        latest = rate.latest(count, now)
        with self._lock:
            tat = seen if seen > latest else self.tats.get(bucket, 0)
            is_granted = max(tat, now) <= latest
            if is_granted:
                self.tats[bucket] = tat = max(tat, now) + count * rate.interval
                self.totals[bucket] = self.totals.get(bucket, 0) + count
            return TakeResult(is_granted, tat, self.totals.get(bucket, 0))
