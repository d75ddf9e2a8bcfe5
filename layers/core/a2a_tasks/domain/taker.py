"""Workers that take tasks directly, and which of them stand back so that few workers carry all tasks."""

from collections.abc import Iterable
from dataclasses import dataclass

SPARE_SHARE = 4
"""A worker stands back only if the others could take its own tasks, and a quarter of its room besides."""
SPARE_OF_ALL = 10
"""Or a tenth of all that they carry, if that is more."""


@dataclass(frozen=True)
class Taker:
    """A worker that takes tasks directly, as it was a few seconds ago."""

    taker_id: str
    tasks: int
    """Tasks that it carries."""
    room: int
    """How many more it may carry."""
    until: int
    """When this is out of date (Unix milliseconds)."""

    @property
    def rank(self) -> tuple[int, str]:
        """The fullest comes first."""
        # ties are broken by id, so that only one of two equal workers stands back
        return -self.tasks, self.taker_id


def stands_back(mine: Taker, others: Iterable[Taker]) -> bool:
    """Whether those that are fuller than this worker have room for all that it carries, and some to spare.
    Then it takes nothing more and ends as its tasks do."""
    fuller = [other for other in others if other.rank < mine.rank]
    room, tasks = sum(other.room for other in fuller), sum(other.tasks for other in fuller)
    spare = max((mine.tasks + mine.room) // SPARE_SHARE, tasks // SPARE_OF_ALL)
    return bool(fuller) and room >= mine.tasks + spare
