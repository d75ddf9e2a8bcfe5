"""Waiting for what should happen soon, and a clear end where nothing does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local.tools import ToolError

HANG_SECONDS = 60.0
POLL_SECONDS = 0.25


@dataclass
class StallTimeout:
    """A step that is waited for as long as there is something new now and then. `hint` says where to look
    where there is not."""

    step: str
    hint: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _seen: str = field(default="nothing", init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.clock()

    def saw(self, what: str) -> None:
        """Tell what is seen now. It starts the time anew if it is something else than before."""
        if what != self._seen:
            self._seen, self._since = what, self.clock()

    def wait(self) -> None:
        """Wait a moment. Raises ToolError where nothing new was seen for a minute."""
        if self.clock() - self._since >= HANG_SECONDS:
            raise ToolError(
                f"{self.step} hangs: nothing new for {HANG_SECONDS:.0f} seconds. Last seen: {self._seen}.\n"
                f"{self.hint}"
            )
        self.sleep(POLL_SECONDS)
