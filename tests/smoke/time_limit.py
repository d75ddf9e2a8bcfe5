"""Bounded waiting."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class TimeLimit:
    """Waits of at most ``seconds`` in all, counted from its creation. Clock and sleep are in seconds."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    began: float = field(default=-1.0)

    def __post_init__(self) -> None:
        if self.began < 0:
            object.__setattr__(self, "began", self.clock())

    def of(self, seconds: float) -> "TimeLimit":
        """A limit of its own, from now on."""
        return replace(self, seconds=seconds, began=self.clock())

    @property
    def spent(self) -> float:
        return self.clock() - self.began

    @property
    def left(self) -> float:
        """Seconds; not below zero."""
        return max(0.0, self.seconds - self.spent)

    def until[T](self, look: Callable[[], T], seconds: float, what: str, *, every: float = POLL_SECONDS) -> T:
        """The first truthy answer of ``look``. Raises ``TimeoutError`` after ``seconds``, or when there is no
        time left in all."""
        given = min(seconds, self.left)
        end = self.clock() + given
        while not (found := look()):
            if self.clock() >= end:
                raise TimeoutError(f"{what} did not happen within {given:.0f} s")
            self.sleep(min(every, max(0.0, end - self.clock())))
        return found
