"""Counts of recent events."""

from collections import defaultdict, deque

_HOUR_MS = 3_600_000


class Windows:
    """Counts by name over the last minute and the last hour; times are Unix milliseconds."""

    def __init__(self) -> None:
        self._times: defaultdict[str, deque[int]] = defaultdict(deque)

    def add(self, name: str, now: int) -> None:
        times = self._times[name]
        times.append(now)
        while times[0] <= now - _HOUR_MS:
            times.popleft()

    def count(self, name: str, now: int, seconds: int) -> int:
        """The count of the last seconds, an hour at most."""
        return sum(1 for time in self._times[name] if time > now - seconds * 1000)
