"""Circuit breaker of a webhook receiver."""

from dataclasses import dataclass

from a2a_tasks.domain.backoff import backoff
from a2a_tasks.domain.webhooks.retry import BASE_SECONDS

LONGEST_PAUSE_SECONDS = 900.0
SLOW_SECONDS = 3.0
"""A slower response does not close the circuit, because it holds up other deliveries."""


@dataclass
class Circuit:
    """State of one receiver. Closed: any number of concurrent requests. Half-open: one request at a time.
    Open: none before ``open_until``. Opens for 5 s, doubling with each consecutive failure."""

    is_proven: bool = False
    """Closed."""
    failures: int = 0
    """Consecutive failures."""
    open_until: int = 0
    """Unix milliseconds."""

    def answered(self, seconds: float) -> None:
        """Record a success that took ``seconds``."""
        # a slow response is a success and resets the failures, but the next requests are sent one at a time
        self.is_proven, self.failures, self.open_until = seconds <= SLOW_SECONDS, 0, 0

    def failed(self, now: int, asked: float | None) -> bool:
        """Record a failure. Failures of requests that were under way when the circuit opened are ignored.

        Args:
            now: Unix milliseconds.
            asked: ``Retry-After`` in seconds, if any.

        Returns:
            Whether this opened the circuit.
        """
        self.is_proven = False
        # sent before the circuit opened: it adds no information, and would double the pause
        if now < self.open_until:
            return False
        self.failures += 1
        grown = backoff(self.failures - 1, BASE_SECONDS, LONGEST_PAUSE_SECONDS)
        pause = max(min(asked or 0.0, LONGEST_PAUSE_SECONDS), grown)
        self.open_until = now + int(pause * 1000)
        return True
