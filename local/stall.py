"""Waits for progress, and fails with a clear message if there is none."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local.tools import ToolError

HANG_SECONDS = 60.0
POLL_SECONDS = 0.25


@dataclass
class StallTimeout:
    """Waits for a step as long as its state changes now and then. `hint` says where to look if it does
    not."""

    step: str
    hint: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _seen: str = field(default="nothing", init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.clock()

    def saw(self, what: str) -> None:
        """Report the current state. A change restarts the timeout."""
        if what != self._seen:
            self._seen, self._since = what, self.clock()

    def wait(self) -> None:
        """Sleep for a moment. Raises ToolError if the state has not changed for a minute."""
        if self.clock() - self._since >= HANG_SECONDS:
            raise ToolError(
                f"{self.step} hangs: no change for {HANG_SECONDS:.0f} seconds. Last seen: {self._seen}.\n"
                f"{self.hint}"
            )
        self.sleep(POLL_SECONDS)
