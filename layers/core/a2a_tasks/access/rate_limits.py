"""Rate limits of API keys: counted in the store, reported in headers, and not enforced while the store
fails.

A process that sees a key often reserves tokens in advance, so that few requests cost a write.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from a2a_tasks.access.open_streams import OpenStreams
from a2a_tasks.domain.access.rate import KeyLimits, Rate, RateLimitKind, open_streams_of, rate_of
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import Bucket, RateStore, StreamPlace, TakeResult
from a2a_tasks.ports.telemetry import Telemetry

MOST_SEEN = 10_000
"""Buckets that a process remembers."""
RESERVE_US = 60_000_000
"""Reserved tokens expire after so many microseconds; the bucket has refilled meanwhile."""
PAUSE_US = 1_000_000
"""Longest time for which a process does not query a bucket again after it was empty. ``Retry-After`` is never
shorter."""
LATELY_US = 10 * PAUSE_US
_WORDS = {RateLimitKind.REQUESTS: "Requests", RateLimitKind.CREATIONS: "New tasks"}


@dataclass(frozen=True)
class BucketState:
    """State of a rate limit. Durations are microseconds."""

    rate: Rate
    tat: int
    now: int

    @property
    def free(self) -> int:
        """Tokens available."""
        return self.rate.free(self.tat, self.now)

    @property
    def wait(self) -> int:
        """Until a token is available."""
        return self.rate.wait(self.tat, self.now)

    @property
    def full_in(self) -> int:
        """Until the bucket is full."""
        return max(0, self.tat - self.now)


@dataclass
class _Reserve:
    """What a process knows and has reserved of a bucket: ``left`` tokens in reserve, ``used`` since the
    last call, and ``share``, its part of all uses before that. It was found empty at ``empty_at``."""

    tat: int = 0
    total: int = 0
    taken_at: int = 0
    used: int = 0
    left: int = 0
    share: float = 0.0
    empty_at: int = -LATELY_US

    def draw(self, count: int, now: int) -> int:
        """Up to ``count`` tokens from the reserve."""
        if now - self.taken_at >= RESERVE_US:
            self.left, self.used, self.share = 0, 0, 0.0
        drawn = min(count, self.left)
        self.left -= drawn
        self.used += count
        return drawn

    def ahead(self, rate: Rate, wanted: int, now: int) -> int:
        """Tokens to reserve beyond those wanted now: no more than used lately, and when they are scarce no
        more than come back until it asks again."""
        free, most = rate.free(self.tat, now), min(self.used, rate.ahead(self.share))
        if wanted + rate.burst // 2 > free:
            most = min(most, free - wanted, _pause(rate) / rate.interval * self.share)
        return max(0, int(most))

    def is_empty(self, rate: Rate, now: int) -> bool:
        """Whether it was found empty a moment ago."""
        return now - self.empty_at < _pause(rate)

    def is_nearly_empty(self, rate: Rate, now: int) -> bool:
        """Whether its caller keeps using all of it: it was empty lately, and has little left beside the
        current reserve."""
        was_empty = now - self.empty_at < LATELY_US
        return was_empty and self.left > 0 and rate.free(self.tat, now) * rate.interval < _pause(rate)

    def update(self, taking: TakeResult, now: int) -> None:
        """Update with the result of a call to the store."""
        self.tat = taking.tat
        if taking.is_granted:
            is_known = 0 < now - self.taken_at < RESERVE_US and self.total
            self.share = min(1.0, self.used / max(1, taking.total - self.total)) if is_known else 0.0
            self.total, self.taken_at, self.used = taking.total, now, 0

    def state(self, rate: Rate, now: int) -> BucketState:
        """The state including this process's reserve, or until when it asks no more."""
        tat = self.tat - self.left * rate.interval
        if not self.left and self.is_empty(rate, now):
            tat = max(tat, rate.latest(1, now) + self.empty_at + _pause(rate) - now)
        return BucketState(rate, tat, now)


@dataclass(frozen=True)
class RateLimiter:
    """Rate limits; one instance per process."""

    store: RateStore
    clock: Clock
    telemetry: Telemetry
    deployed: KeyLimits
    """Default limits, all of them set."""
    streams: OpenStreams
    _reserves: dict[Bucket, _Reserve] = field(default_factory=dict)

    def caller(self, authorizer: Mapping[str, object]) -> "RateLimitedCaller":
        """The caller of a request, from the authorizer's context: ``keyId`` and the key's own limits."""
        return RateLimitedCaller(self, str(authorizer["keyId"]), KeyLimits.from_named(authorizer))

    def take(self, bucket: Bucket, rate: Rate, count: int) -> tuple[int, BucketState | None]:
        """Take up to ``count`` tokens. Returns how many, and what is left. If the store does not respond,
        all are granted and the state is unknown."""
        now, reserve = self.clock.now() * 1000, self._reserve(bucket)
        taken = reserve.draw(count, now)
        try:
            # found empty a moment ago: no write until enough tokens have refilled
            if taken < count and not reserve.is_empty(rate, now):
                taken += self._take(bucket, rate, count - taken, now)
        except StoreUnavailable as error:
            self.telemetry.problem(
                "rate limit not checked", key_id=bucket.key_id, limit=bucket.kind.value, reason=str(error)
            )
            return count, None
        if taken < count:
            self.telemetry.count("RateLimited", code=bucket.kind.value)
            self.telemetry.event("rate limit exceeded", key_id=bucket.key_id, limit=bucket.kind.value)
        return taken, reserve.state(rate, now)

    def _take(self, bucket: Bucket, rate: Rate, count: int, now: int) -> int:
        """Take from the store. Raises ``StoreUnavailable``."""
        reserve, wanted = self._reserve(bucket), min(count, rate.burst)
        ahead = reserve.ahead(rate, wanted, now)
        while wanted:
            taking = self.store.take(bucket, rate, wanted + ahead, now, reserve.tat)
            reserve.update(taking, now)
            if taking.is_granted:
                # only tokens that the store has granted
                reserve.left += ahead
                break
            free = rate.free(reserve.tat, now)
            # refused without tokens in advance, so fewer than ``count`` are available
            if not ahead:
                wanted -= 1
            wanted = min(wanted, free)
            ahead = min(ahead - 1, free - wanted) if ahead else 0
        if not wanted or reserve.is_nearly_empty(rate, now):
            reserve.empty_at = now
        return wanted

    def _reserve(self, bucket: Bucket) -> _Reserve:
        if bucket not in self._reserves and len(self._reserves) >= MOST_SEEN:
            self._reserves.clear()
        return self._reserves.setdefault(bucket, _Reserve())


@dataclass
class RateLimitedCaller:
    """The caller of one request. Routes that create tasks call ``count_creation`` or ``count_creations``
    first, routes that wait or stream ``open_stream``. ``headers`` belong to every response; ``close`` ends
    the request."""

    limiter: RateLimiter
    key_id: str
    own: KeyLimits
    _states: dict[RateLimitKind, BucketState] = field(default_factory=dict)
    _place: StreamPlace | None = None

    def count_request(self) -> None:
        """Count a request. Raises ``RequestRefused`` (RATE_LIMIT_EXCEEDED)."""
        if not self._take(RateLimitKind.REQUESTS, 1):
            raise self._refusal(RateLimitKind.REQUESTS)

    def count_creation(self) -> None:
        """Count the creation of a task. Raises ``RequestRefused`` (RATE_LIMIT_EXCEEDED)."""
        self.count_creations(1)

    def count_creations(self, count: int) -> int:
        """Count the creation of up to ``count`` tasks. Returns how many are allowed: the first ones; the
        rest get ``creation_refusal``. Raises ``RequestRefused`` (RATE_LIMIT_EXCEEDED) if none is."""
        granted = self._take(RateLimitKind.CREATIONS, count)
        if not granted:
            raise self._refusal(RateLimitKind.CREATIONS)
        return granted

    def open_stream(self, seconds: float) -> None:
        """Count a stream or long poll of up to ``seconds``, until ``close``. Raises ``RequestRefused``
        (RATE_LIMIT_EXCEEDED)."""
        limit = open_streams_of(self.own, self.limiter.deployed)
        if limit > 0:
            self._place = self.limiter.streams.open(self.key_id, limit, seconds)

    def close(self) -> None:
        """End an open stream. Idempotent."""
        place, self._place = self._place, None
        if place is not None:
            self.limiter.streams.close(place)

    @property
    def creation_refusal(self) -> RequestRefused:
        """The error for tasks beyond the limit."""
        return self._refusal(RateLimitKind.CREATIONS)

    @property
    def headers(self) -> dict[str, str]:
        """``RateLimit-Limit`` (burst), ``-Remaining`` and ``-Reset`` (seconds until full) of the limit
        with the least left. Empty without a limit, or if its state is unknown."""
        if not self._states:
            return {}
        least = min(self._states.values(), key=lambda state: (state.free, -state.wait))
        return {
            "RateLimit-Limit": str(least.rate.burst),
            "RateLimit-Remaining": str(least.free),
            "RateLimit-Reset": str(_seconds(least.full_in)),
        }

    def _take(self, kind: RateLimitKind, count: int) -> int:
        rate = rate_of(kind, self.own, self.limiter.deployed)
        if rate is None:
            return count
        taken, state = self.limiter.take(Bucket(self.key_id, kind), rate, count)
        if state is not None:
            self._states[kind] = state
        return taken

    def _refusal(self, kind: RateLimitKind) -> RequestRefused:
        state = self._states[kind]
        rate = state.rate
        seconds = max(1, _seconds(state.wait))
        return RequestRefused(
            ErrorCode.RATE_LIMIT_EXCEEDED,
            f"{_WORDS[kind]} of this API key are limited to {rate.per_hour:,} an hour and {rate.burst:,}"
            f" at a time; try again in {seconds} s.",
            retry_after=seconds,
        )


def _pause(rate: Rate) -> int:
    """Microseconds; less where a burst has come back sooner. A rate of one a second or less is exact."""
    return min(PAUSE_US, rate.burst * rate.interval // 4) if rate.interval < PAUSE_US else 0


def _seconds(microseconds: int) -> int:
    """Rounded up."""
    return -(-microseconds // 1_000_000)
