"""How many streams and waits an API key may have open: each holds a process of the function it is at."""

from dataclasses import dataclass

from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.rates import OpenStreamStore, PlacesFull, StreamPlace
from a2a_tasks.ports.telemetry import Telemetry

GRACE_MS = 5_000
"""After its time, before a place is somebody else's: another machine's clock says when."""
LONGEST_RETRY_SECONDS = 30
"""Most streams end before their time, so nobody is sent away for longer."""


@dataclass(frozen=True)
class OpenStreams:
    """One for the whole process. In nobody's way while the store does not answer."""

    store: OpenStreamStore
    clock: Clock
    telemetry: Telemetry

    def open(self, key_id: str, limit: int, seconds: float) -> StreamPlace | None:
        """A place for at most so long; None where nothing is known.

        Raises ``RequestRefused`` (RATE_LIMIT_EXCEEDED).
        """
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
        """What cannot be given back is free when its time is over."""
        try:
            self.store.free(place)
        except StoreUnavailable as error:
            self.telemetry.problem("open stream not given back", key_id=place.key_id, reason=str(error))


def _refusal(limit: int, full: PlacesFull, now: int) -> RequestRefused:
    seconds = max(1, min(LONGEST_RETRY_SECONDS, -(-(full.free_at - now) // 1000)))
    return RequestRefused(
        ErrorCode.RATE_LIMIT_EXCEEDED,
        f"Streams and waits of this API key are limited to {limit:,} at a time; one whose client is gone"
        f" counts until its time is over. Try again in {seconds} s, or ask without waiting.",
        retry_after=seconds,
    )
