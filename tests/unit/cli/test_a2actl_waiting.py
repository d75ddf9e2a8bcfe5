"""Waiting for a task's end, on a clock that the test turns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from a2actl.tasks.api import Unreachable
from a2actl.tasks.waiting import Waiting
from a2actl.terminal.fault import Fault


@dataclass
class Timeline:
    """Time that passes only by sleeping. ``state`` is the task's at a second; an exception is raised."""

    state: Callable[[float], str | Fault]
    now: float = 1_000.0
    looks: list[float] = field(default_factory=list)
    shown: list[tuple[str, float]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self) -> dict[str, Any]:
        elapsed = self.now - 1_000.0
        self.looks.append(elapsed)
        state = self.state(elapsed)
        if isinstance(state, Fault):
            raise state
        return {"status": state}

    def wait(self) -> dict[str, Any]:
        waiting = Waiting(monotonic=lambda: self.now, sleep=self.sleep)
        return waiting.for_end(self.look, lambda state, elapsed: self.shown.append((state, elapsed)))


@pytest.mark.parametrize("end", ["completed", "failed", "canceled"])
def test_every_end_ends_the_waiting(end: str) -> None:
    timeline = Timeline(lambda second: end if second >= 1 else "running")
    assert timeline.wait() == {"status": end}
    assert timeline.shown == [("running", 0.0), ("running", 0.5), (end, 1.0)]


def test_it_looks_often_at_first_and_less_later() -> None:
    timeline = Timeline(lambda second: "completed" if second >= 16 else "running")
    timeline.wait()
    assert timeline.looks[-4:] == [10.0, 12.0, 14.0, 16.0]
    assert len(timeline.looks) == 24


def test_an_agent_that_asks_is_waited_for() -> None:
    timeline = Timeline(lambda second: "failed" if second >= 30 else "input_required")
    assert timeline.wait() == {"status": "failed"}


def test_outages_shorter_than_a_minute_do_not_end_it() -> None:
    def state(second: float) -> str | Fault:
        if second >= 130:
            return "completed"
        return Unreachable("away") if second % 60 >= 5 else "running"

    assert Timeline(state).wait() == {"status": "completed"}


def test_a_minute_without_an_answer_ends_it() -> None:
    timeline = Timeline(lambda second: Unreachable("away") if second >= 20 else "running")
    with pytest.raises(Unreachable, match="away"):
        timeline.wait()
    assert 78 <= timeline.looks[-1] <= 80


def test_a_refusal_ends_it_at_once() -> None:
    timeline = Timeline(lambda _: Fault("The API rejected the key"))
    with pytest.raises(Fault, match="rejected"):
        timeline.wait()
    assert timeline.looks == [0.0]
