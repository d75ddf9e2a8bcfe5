"""What a sweep did, counted by several threads."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class Did(StrEnum):
    """What came of one look; the values are fields of ``SweepReport``."""

    TIMED_OUT = "timed_out"
    GAVE_UP = "lost"
    RESENT = "resent"
    POSTPONED = "postponed"
    BURIED = "dead_workers"
    LINE = "lines"
    FAILED = "errors"
    NOTHING = "nothing"


@dataclass
class SweepReport:
    """What one sweep did. Others were asked to sweep the shards that are ``handed_over``."""

    looked_at: int = 0
    timed_out: int = 0
    lost: int = 0
    resent: int = 0
    postponed: int = 0
    dead_workers: int = 0
    lines: int = 0
    errors: int = 0
    handed_over: list[int] = field(default_factory=list)
    unfinished_shards: list[int] = field(default_factory=list)

    @property
    def rescued(self) -> int:
        return self.timed_out + self.lost + self.resent


class Tally:
    """One sweep's report while it goes on. Thread-safe."""

    def __init__(self) -> None:
        self.report = SweepReport()
        self.oldest_ms: int | None = None
        self._lock = threading.Lock()

    def looked(self, *done: Did) -> None:
        """One task was looked at."""
        with self._lock:
            self.report.looked_at += 1
        self.did(*done)

    def did(self, *done: Did) -> None:
        with self._lock:
            for each in done:
                if each is not Did.NOTHING:
                    setattr(self.report, each, getattr(self.report, each) + 1)

    def saw(self, age_ms: int) -> None:
        """A shard's oldest entry has been due for so long; 0 where nothing is due."""
        with self._lock:
            self.oldest_ms = max(age_ms, self.oldest_ms or 0)

    def hand_over(self, shard: int) -> None:
        with self._lock:
            self.report.handed_over = sorted({*self.report.handed_over, shard})

    def leave_unfinished(self, shard: int) -> None:
        with self._lock:
            self.report.unfinished_shards = sorted({*self.report.unfinished_shards, shard})
