"""Many processes of one function that limit one key's requests, and how often they wrote."""

from random import Random

from a2a_tasks.access.open_streams import OpenStreams
from a2a_tasks.access.rate_limits import RateLimiter
from a2a_tasks.domain.access.rate import KeyLimits, Rate
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import Bucket, TakeResult
from tests.twins.clock import FakeClock
from tests.twins.stores.open_streams import MemoryOpenStreams
from tests.twins.stores.rates import MemoryRates
from tests.twins.telemetry import MemoryTelemetry


class Fleet:
    """``is_down``: the table takes no writes. A request goes to any process."""

    def __init__(self, processes: int, deployed: KeyLimits) -> None:
        self.clock, self.telemetry, self.store = FakeClock(), MemoryTelemetry(), MemoryRates()
        self.deployed, self.is_down = deployed, False
        self.streams = OpenStreams(MemoryOpenStreams(), self.clock, self.telemetry)
        self.takes, self.requests = 0, 0
        self.granted: list[float] = []
        """When, in seconds."""
        self.random = Random(processes)  # noqa: S311
        self.limiters = [self._new() for _ in range(processes)]

    def take(self, bucket: Bucket, rate: Rate, count: int, now: int, seen: int = 0) -> TakeResult:
        """``RateStore``."""
        if self.is_down:
            raise StoreUnavailable("throttled")
        # what was seen exhausted is refused without a write
        self.takes += max(seen, now) <= rate.latest(count, now)
        return self.store.take(bucket, rate, count, now, seen)

    def request(self) -> bool:
        self.requests += 1
        try:
            self.random.choice(self.limiters).caller({"keyId": "key"}).count_request()
        except RequestRefused:
            return False
        self.granted.append(self.clock.now() / 1_000)
        return True

    def flow(self, per_second: float, seconds: float) -> float:
        """Requests at random moments. The share of them that was granted."""
        count, granted = round(per_second * seconds), 0
        for _ in range(count):
            self.clock.advance(self.random.expovariate(per_second))
            granted += self.request()
        return granted / count

    def die(self, share: float) -> None:
        """Let processes die with what they have reserved, and others take their place."""
        for number in range(round(len(self.limiters) * share)):
            self.limiters[number] = self._new()
        self.random.shuffle(self.limiters)

    def most_in(self, seconds: float) -> int:
        """The most requests that were granted in any span of so many seconds."""
        most, begin = 0, 0
        for end, moment in enumerate(self.granted):
            while self.granted[begin] <= moment - seconds:
                begin += 1
            most = max(most, end - begin + 1)
        return most

    def _new(self) -> RateLimiter:
        return RateLimiter(self, self.clock, self.telemetry, self.deployed, self.streams)
