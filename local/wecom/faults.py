"""What is to go wrong with the next calls of the API."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The faults there are."""

    ERRCODE = "errcode"  # nothing is done, and the answer has this error code
    DROP = "drop"  # nothing is done, and the connection breaks
    LOSE = "lose"  # it is done, and the connection breaks before the answer
    TWICE = "twice"  # it is done twice, and answered once
    SLOW = "slow"  # it is done, and answered after so many seconds of real time


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `errcode` and `seconds` are for the kinds that have them."""

    kind: Kind
    errcode: int = 0
    seconds: float = 0.0


class Faults:
    """What is planned, by endpoint, in order."""

    def __init__(self) -> None:
        self._planned: defaultdict[str, list[Fault]] = defaultdict(list)

    def plan(self, endpoint: str, fault: Fault, times: int) -> None:
        self._planned[endpoint] += [fault] * times

    def take(self, endpoint: str) -> Fault | None:
        """The fault of this call, if there is one."""
        planned = self._planned[endpoint]
        return planned.pop(0) if planned else None
