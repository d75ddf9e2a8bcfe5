"""The outcome of a soak."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles
from typing import Any

from bench.fault_injection import FaultInjection
from bench.report import table
from local.standin.calls import Call

AIM_SECONDS = 60
SAVED_SECONDS = 5
"""A reply that arrived less than this before its worker was killed may not have been saved."""


@dataclass(frozen=True)
class SoakResult:
    """``wanted`` tasks were to be created, and these ids were ``accepted``; ``tasks`` are those that exist,
    and ``turns`` the model's finished replies."""

    wanted: int
    accepted: Sequence[str]
    tasks: Sequence[dict[str, Any]]
    turns: Sequence[Call]
    faults: FaultInjection
    started_at: float

    def print(self) -> None:
        """Print the table."""
        last = f"{max(0.0, self._last_end - self._last_kill):.0f} s" if not self._not_ended else "never"
        rows: list[list[object]] = [
            ["tasks accepted", f"{len(self.accepted)} of {self.wanted}", self.wanted],
            ["completed", self._states["completed"], len(self.accepted)],
            ["failed, by reason", dict(self._failures) or 0, 0],
            [
                "lost, created twice, not ended",
                f"{self._lost}, {self._made_twice}, {self._not_ended}",
                "0, 0, 0",
            ],
            ["finished turns paid for", len(self.turns), ""],
            [
                "of these, twice although no worker died then",
                f"{len(self._bought_again)}, {self._inexcusable}",
                "0, 0",
            ],
            ["workers killed", len(self.faults.workers_killed_at), ""],
            ["processes of the API killed", self.faults.api_processes_killed, ""],
            ["half of the connections to AWS cut for a second", self.faults.connections_cut, ""],
            ["all ended after the start", f"{self._last_end - self.started_at:.0f} s", ""],
            ["all ended after the last kill", last, f"≤ {AIM_SECONDS} s"],
            ["a task from creation to end: p50, p95, longest", self._spread, ""],
        ]
        table("A soak", ["", "measured", "aim"], rows)

    @property
    def broken(self) -> str:
        """The promises that were not kept; empty if all were."""
        counts = {
            "lost": self._lost,
            "created twice": self._made_twice,
            "not ended": self._not_ended,
            "failed": self._states["failed"],
            "turns paid for twice although no worker died": self._inexcusable,
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)

    @property
    def _states(self) -> Counter[str]:
        return Counter(task["status"] for task in self.tasks)

    @property
    def _failures(self) -> Counter[str]:
        return Counter(task["errorDetails"]["code"] for task in self.tasks if task["status"] == "failed")

    @property
    def _lost(self) -> int:
        return len(set(self.accepted) - {task["taskId"] for task in self.tasks})

    @property
    def _made_twice(self) -> int:
        return len({task["taskId"] for task in self.tasks} - set(self.accepted))

    @property
    def _not_ended(self) -> int:
        return sum("completedAt" not in task for task in self.tasks)

    @property
    def _last_end(self) -> float:
        ends = [_seconds(task["completedAt"]) for task in self.tasks if "completedAt" in task]
        return max(ends, default=self.started_at)

    @property
    def _last_kill(self) -> float:
        return max(self.faults.workers_killed_at, default=self.started_at)

    @property
    def _bought_again(self) -> list[Call]:
        """The replies that had to be bought again, each by its earlier call."""
        same = defaultdict(list)
        for call in self.turns:
            same[call.conversation, call.messages_count].append(call)
        return [call for calls in same.values() for call in calls[:-1]]

    @property
    def _inexcusable(self) -> int:
        """How many of them could have been saved in time, or were not lost to a killed worker."""
        return sum(not self._is_excused(call.ended_at or 0.0) for call in self._bought_again)

    def _is_excused(self, came_at: float) -> bool:
        # the stand-in's response may still be on its way
        return any(
            came_at - 1 <= killed_at <= came_at + SAVED_SECONDS for killed_at in self.faults.workers_killed_at
        )

    @property
    def _spread(self) -> str:
        took = [
            _seconds(task["completedAt"]) - _seconds(task["createdAt"])
            for task in self.tasks
            if "completedAt" in task
        ]
        if len(took) < 2:
            return "none"
        return f"{median(took):.0f}, {quantiles(took, n=20)[-1]:.0f}, {max(took):.0f} s"


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp()
