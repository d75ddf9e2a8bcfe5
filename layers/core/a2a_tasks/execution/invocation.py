"""One invocation of the worker function: its remaining time, and the projects of its tasks."""

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
    _whole: float = field(init=False)
    _places: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._whole = self.time_left()

    @property
    def half(self) -> float:
        """Half of its total time in seconds."""
        return self._whole / 2

    @property
    def is_late(self) -> bool:
        """Whether a task started now has clearly less time than in a fresh invocation."""
        return self.time_left() < self.half

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
