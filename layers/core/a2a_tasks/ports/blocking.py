"""Blocking calls next to an event loop, and many small steps of work in parallel."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol


class RunBlocking(Protocol):
    """Runs a blocking call without blocking the event loop, as ``asyncio.to_thread`` does."""

    def __call__[**P, T](
        self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...


type TimeLeft = Callable[[], bool]
"""Whether there is time to begin another step."""
type WorkStep = Callable[[], Sequence[WorkStep]]
"""A unit of work. It returns the steps that follow from it; they are queued behind all that wait already, so
that no chain of steps starves the others. A step must not raise, except for what should end the whole run."""


class RunParallel(Protocol):
    """Runs steps, possibly in parallel, until none is left."""

    def __call__(self, steps: Sequence[WorkStep], time_left: TimeLeft) -> None:
        """Return when all steps are done, or soon after ``time_left()`` turns false; a step that hangs at
        that time is abandoned."""
        ...


def run_in_order(steps: Sequence[WorkStep], time_left: TimeLeft) -> None:  # noqa: ARG001  no step can be left behind
    """``RunParallel`` without parallelism: one step after the other, in the order in which threads would
    start them."""
    line = deque(steps)
    while line:
        line.extend(line.popleft()())
