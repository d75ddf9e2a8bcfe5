"""Report of a sweep, counted by several threads."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class SweepAction(StrEnum):
    """Result of looking at one item. The values are fields of ``SweepReport``."""

    TIMED_OUT = "timed_out"
    GAVE_UP = "lost"
    RESENT = "resent"
    POSTPONED = "postponed"
    DEAD_WORKER = "dead_workers"
    LINE = "lines"
    FAILED = "errors"
    NOTHING = "nothing"


@dataclass
class SweepReport:
    """What one sweep did."""

    looked_at: int = 0
    """Due tasks read."""
    timed_out: int = 0
    lost: int = 0
    """Tasks failed because their worker died on the last attempt."""
    resent: int = 0
    """Tasks announced again."""
    postponed: int = 0
    dead_workers: int = 0
    lines: int = 0
    errors: int = 0
    handed_over: list[int] = field(default_factory=list)
    """Shards left to other processes."""
    unfinished_shards: list[int] = field(default_factory=list)
    """Shards whose sweep was interrupted by the end of time or an error."""

    @property
    def rescued(self) -> int:
        """Tasks that would have been stuck without the sweep."""
        return self.timed_out + self.lost + self.resent


class Tally:
    """Counts for a report in progress. Thread-safe."""

    def __init__(self) -> None:
        self.report = SweepReport()
        self.oldest_ms: int | None = None
        self._lock = threading.Lock()

    def count_task(self, *done: SweepAction) -> None:
        """Count a task, and what was done for it."""
        with self._lock:
            self.report.looked_at += 1
        self.count_actions(*done)

    def count_actions(self, *done: SweepAction) -> None:
        """Count what was done."""
        with self._lock:
            for each in done:
                if each is not SweepAction.NOTHING:
                    setattr(self.report, each, getattr(self.report, each) + 1)

    def record_age(self, age_ms: int) -> None:
        """Record for how long the oldest entry of a shard has been due (milliseconds); 0 if none is due."""
        with self._lock:
            self.oldest_ms = max(age_ms, self.oldest_ms or 0)

    def hand_over(self, shard: int) -> None:
        """Record that another process sweeps the shard."""
        with self._lock:
            self.report.handed_over = sorted({*self.report.handed_over, shard})

    def leave_unfinished(self, shard: int) -> None:
        """Record that the shard's sweep was interrupted."""
        with self._lock:
            self.report.unfinished_shards = sorted({*self.report.unfinished_shards, shard})
