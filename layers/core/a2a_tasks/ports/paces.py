"""The paces of models that turn calls away, shared by all workers."""

from dataclasses import dataclass
from typing import Protocol

from a2a_tasks.domain.pace import Pace, Way


@dataclass(frozen=True)
class Taking:
    """What came of a try to start calls; ``pace`` is as it stands then, None if there is none."""

    is_granted: bool
    pace: Pace | None


class PaceStore(Protocol):
    """All methods raise ``StoreUnavailable``. Times are Unix milliseconds."""

    def pace(self, way: Way) -> Pace | None:
        """As last written (a consistent read)."""
        ...

    def put(self, way: Way, seen: Pace | None, pace: Pace) -> Pace | None:
        """Set the pace, if it is still the one that was ``seen`` but for what others have taken of it
        (``set_at`` and ``taken_at`` tell); the pace as it stands then."""
        ...

    def take(self, way: Way, seen: Pace, now: int, *, is_urgent: bool) -> Taking:
        """Start as many calls as ``seen`` allows with one write, if it is still the pace, it is time for the
        next call, and, without ``is_urgent``, none of a higher priority wait."""
        ...

    def note_urgent(self, way: Way, until: int) -> None:
        """Tasks of high priority wait: they go first until then."""
        ...
