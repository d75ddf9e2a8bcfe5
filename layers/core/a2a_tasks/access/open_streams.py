"""Limit of open streams and long polls per API key; each occupies a function instance."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import OpenStreamStore, PlacesFull, StreamPlace
from a2a_tasks.ports.telemetry import Telemetry

GRACE_MS = 5_000
"""Clock skew allowed for before an expired place is given to another request."""
LONGEST_RETRY_SECONDS = 30
"""Upper limit of ``Retry-After``: most streams end before their time."""


@dataclass(frozen=True)
class OpenStreams:
    """Limits open streams; one instance per process. Does not limit while the store does not respond."""

    store: OpenStreamStore
    clock: Clock
    telemetry: Telemetry

    def open(self, key_id: str, limit: int, seconds: float) -> StreamPlace | None:
        """Take a place for up to ``seconds``. None if the store does not respond. Raises
        ``RequestRefused`` (RATE_LIMIT_EXCEEDED)."""
        now = self.clock.now()
        until = now + int(max(0.0, seconds) * 1000) + GRACE_MS
        try:
            taken = self.store.take(key_id, limit, now, until)
        except StoreUnavailable as error:
            self.telemetry.problem("open stream not counted", key_id=key_id, reason=str(error))
            return None
        if isinstance(taken, StreamPlace):
            return taken
        self.telemetry.count("RateLimited", code="STREAMS")
        self.telemetry.event("rate limit exceeded", key_id=key_id, limit="STREAMS")
        raise _refusal(limit, taken, now)

    def close(self, place: StreamPlace) -> None:
        """Free a place. If that fails, the place expires."""
        try:
            self.store.free(place)
        except StoreUnavailable as error:
            self.telemetry.problem("open stream not released", key_id=place.key_id, reason=str(error))


def _refusal(limit: int, full: PlacesFull, now: int) -> RequestRefused:
    seconds = max(1, min(LONGEST_RETRY_SECONDS, -(-(full.free_at - now) // 1000)))
    return RequestRefused(
        ErrorCode.RATE_LIMIT_EXCEEDED,
        f"Streams and waits of this API key are limited to {limit:,} at a time; one whose client is gone"
        f" counts until its time is over. Try again in {seconds} s, or ask without waiting.",
        retry_after=seconds,
    )
