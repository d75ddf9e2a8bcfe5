"""One invocation of the worker function: its remaining time, and what it has in hand."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Invocation:
    """Time and capacity of one invocation."""

    time_left: Callable[[], float]
    """Seconds left."""
    most_of_project: int
    """Tasks of one project that it executes at a time."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a message has been handled."""
    in_hand: int = 0
    """Messages that are being handled."""
    _whole: float = field(init=False)
    _places: Counter[str] = field(default_factory=Counter, init=False)
    _own_in_hand: int = field(default=0, init=False)
    _has_anchor: bool = field(default=False, init=False)
    _over: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self._whole = self.time_left()

    @property
    def is_late(self) -> bool:
        """Whether a task started now has clearly less time than in a fresh invocation."""
        return self.time_left() < self._whole / 2

    @property
    def is_anchored(self) -> bool:
        """Whether an unfinished message would start another worker if this one died."""
        return self._has_anchor or self._own_in_hand > 0

    @contextmanager
    def handling_one(self, *, is_own: bool) -> Iterator[None]:
        """Count a message as in hand until the block ends; ``is_own`` if it started the invocation."""
        self.in_hand += 1
        self._own_in_hand += is_own
        try:
            yield
        finally:
            self.in_hand -= 1
            self._own_in_hand -= is_own
            self.done.set()

    async def anchor(self) -> None:
        """Keep the last finished message of the event as the anchor: wait until the invocation is over. Tasks
        received directly have no message that starts a worker if this one dies; the anchor does that."""
        if not self._own_in_hand:
            # only the last one: until then another unfinished message would start a worker
            self._has_anchor = True
            await self._over.wait()

    def end(self) -> None:
        """Release the anchor."""
        self._over.set()

    @contextmanager
    def place(self, project_id: str) -> Iterator[bool]:
        """Take a place for a task of the project until the block ends. False if the project has all its
        places."""
        has_place = self._places[project_id] < self.most_of_project
        self._places[project_id] += has_place
        try:
            yield has_place
        finally:
            self._places[project_id] -= has_place
