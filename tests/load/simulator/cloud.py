"""AWS as calls experience it: their duration, their cost, and when they are throttled."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from bench.bill.prices import PRICES, Unit
from tests.load.simulator.calls import Operation, Touch
from tests.load.simulator.kernel import Kernel

PARTITION_WRITES, PARTITION_READS = 1_000, 3_000
"""Units a second of one partition: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
bp-partition-key-design.html. Unused units of ``BURST_SECONDS`` may be used at once."""
BURST_SECONDS = 1
MILLISECONDS = {"DynamoDB": 4.0, "SQS": 7.0, "S3": 25.0, "Lambda": 30.0}
"""The median response time within a region; 1 % of calls take more than twice as long, due to ``SPREAD``."""
SPREAD = 0.35
PROCESSOR_SECONDS = 0.004
"""Of one whole processor, used by boto3 for a call (``make bench`` measures it)."""
USD = {
    "write": PRICES[Unit.WRITE_UNITS].each,
    "read": PRICES[Unit.READ_UNITS].each,
    "SQS": PRICES[Unit.SQS_REQUESTS].each,
    "S3": PRICES[Unit.S3_PUTS].each,
    "second": PRICES[Unit.GB_SECONDS].each,
    "start": PRICES[Unit.INVOCATIONS].each,
}
"""A write or read unit, a request, a gigabyte-second and an invocation of Lambda."""


@dataclass(frozen=True)
class Disturbance:
    """A fault of every call whose point begins with ``points``, from ``since`` to ``until`` (seconds since
    the beginning). The call is throttled, or takes ``seconds`` longer; ``share`` of the
    calls are affected."""

    points: str
    since: float
    until: float
    seconds: float | None = None
    share: float = 1.0


@dataclass
class _Bucket:
    left: float
    at: float


@dataclass
class Cloud:
    """The services behind the ports. ``calls`` counts them by point; units, requests and refusals too."""

    kernel: Kernel
    random: Random
    disturbances: list[Disturbance] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    _buckets: dict[tuple[str, bool], _Bucket] = field(default_factory=dict)

    def is_refused(self, point: str, touches: tuple[Touch, ...]) -> bool:
        """Whether this call is throttled. It uses units of its partitions only if it is not."""
        now = self.kernel.time
        for one in self.disturbances:
            if one.seconds is None and self._is_in(one, point, now):
                self.throttled[point] += 1
                return True
        if touches and not all(self._bucket(touch, now).left > 0 for touch in touches):
            self.throttled[point] += 1
            return True
        for touch in touches:
            self._bucket(touch, now).left -= touch.units
        return False

    def seconds(self, point: str, operation: Operation) -> float:
        """The duration of the call."""
        median = MILLISECONDS[operation.service] / 1000 * operation.requests
        taken = median * self.random.lognormvariate(0, SPREAD)
        now = self.kernel.time
        return taken + sum(one.seconds or 0 for one in self.disturbances if self._is_in(one, point, now))

    def count(self, point: str, operation: Operation) -> None:
        self.calls[point] += operation.requests
        self.units["write"] += operation.writes  # type: ignore[assignment]  # halves of units
        self.units["read"] += operation.reads  # type: ignore[assignment]
        if operation.service != "DynamoDB":
            self.units[operation.service] += operation.requests

    def _is_in(self, one: Disturbance, point: str, now: float) -> bool:
        is_here = one.since <= now < one.until and point.startswith(one.points)
        return is_here and (one.share >= 1 or self.random.random() < one.share)

    def _bucket(self, touch: Touch, now: float) -> _Bucket:
        rate = PARTITION_WRITES if touch.is_write else PARTITION_READS
        bucket = self._buckets.get((touch.partition, touch.is_write))
        if bucket is None:
            bucket = self._buckets[touch.partition, touch.is_write] = _Bucket(rate * BURST_SECONDS, now)
        bucket.left = min(rate * BURST_SECONDS, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        return bucket
