"""One invocation of the worker: the time that it has, and whose tasks have its places."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Invocation:
    """``time_left`` is the seconds that it still has; ``most_of_project`` how many tasks of one project it
    carries at a time."""

    time_left: Callable[[], float]
    most_of_project: int
    _whole: float = field(init=False)
    _places: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._whole = self.time_left()

    @property
    def half(self) -> float:
        """Half of its whole time, in seconds."""
        return self._whole / 2

    @property
    def is_late(self) -> bool:
        """What is begun now has clearly less time than in another invocation."""
        return self.time_left() < self.half

    @contextmanager
    def place(self, project_id: str) -> Iterator[bool]:
        """A place for a task of this project, until the block ends; False if the project has all it may."""
        has_place = self._places[project_id] < self.most_of_project
        self._places[project_id] += has_place
        try:
            yield has_place
        finally:
            self._places[project_id] -= has_place
