"""Planned faults of the next API calls."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The faults there are."""

    ERRCODE = "errcode"  # no effect, and the response has this error code
    DROP = "drop"  # no effect, and the connection breaks
    LOSE = "lose"  # takes effect, and the connection breaks before the response
    TWICE = "twice"  # takes effect twice, and is answered once
    SLOW = "slow"  # takes effect, and is answered after this many seconds of real time


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `errcode` and `seconds` are for the kinds that have them."""

    kind: Kind
    errcode: int = 0
    seconds: float = 0.0


class Faults:
    """The planned faults, by endpoint, in order."""

    def __init__(self) -> None:
        self._planned: defaultdict[str, list[Fault]] = defaultdict(list)

    def plan(self, endpoint: str, fault: Fault, times: int) -> None:
        self._planned[endpoint] += [fault] * times

    def take(self, endpoint: str) -> Fault | None:
        """The fault of this call, if there is one."""
        planned = self._planned[endpoint]
        return planned.pop(0) if planned else None
