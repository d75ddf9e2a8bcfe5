"""Blocking calls beside a loop, and many small pieces of work at the same time."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol


class RunBlocking(Protocol):
    """Runs a blocking call without blocking the loop, as ``asyncio.to_thread`` does."""

    def __call__[**P, T](
        self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...


type TimeLeft = Callable[[], bool]
type Step = Callable[[], Sequence[Step]]
"""One piece of work, and what follows from it: that is put behind everything which waits already, so that no
chain of steps keeps others from having their turn. A step raises nothing that another must not suffer for."""


class AtOnce(Protocol):
    """Takes steps until none is left."""

    def __call__(self, steps: Sequence[Step], time_left: TimeLeft) -> None:
        """Returns when all is done, or soon after ``time_left()`` has become false: a step that hangs then is
        left behind."""
        ...


def in_turn(steps: Sequence[Step], time_left: TimeLeft) -> None:  # noqa: ARG001  no step can be left behind
    """``AtOnce`` for one after the other, in the order in which threads would begin them."""
    line = deque(steps)
    while line:
        line.extend(line.popleft()())
