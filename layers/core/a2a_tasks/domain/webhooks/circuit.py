"""What is known of a receiver: whether it may be called by many at once, by one, or by nobody for a while."""

from dataclasses import dataclass

from a2a_tasks.domain.webhooks.retry import BASE_SECONDS

LONGEST_PAUSE_SECONDS = 900.0
SLOW_SECONDS = 3.0
"""An answer that took longer is none to rely on: it held up what was sent beside it."""


@dataclass
class Circuit:
    """Closed (``is_proven``), it lets everybody through; else one at a time, and nobody before
    ``open_until`` (Unix milliseconds). It opens for 5 s, doubling with each failure in a row."""

    is_proven: bool = False
    failures: int = 0
    open_until: int = 0

    def answered(self, seconds: float) -> None:
        """The receiver took something, after so long."""
        self.is_proven, self.failures, self.open_until = seconds <= SLOW_SECONDS, 0, 0

    def failed(self, now: int, asked: float | None) -> bool:
        """It did not take something; ``asked`` is in how many seconds it wants to be called again. Whether
        that opens the circuit.

        What fails while the circuit is open was under way, and says nothing new.
        """
        self.is_proven = False
        if now < self.open_until:
            return False
        self.failures += 1
        pause = max(asked or 0.0, BASE_SECONDS * 2.0 ** min(self.failures - 1, 30))
        self.open_until = now + int(min(pause, LONGEST_PAUSE_SECONDS) * 1000)
        return True
