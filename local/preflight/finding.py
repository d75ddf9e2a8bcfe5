"""What a check has found, in words for the person who deploys."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    OK = "ok"
    WARNING = "warning"
    """The deployment works, but something is missing afterwards, or could not be checked."""
    NEEDS_OPERATOR = "needs the operator"
    """Only who deploys knows it, so that it is not in the repository. Stops a deployment, not CI."""
    FAULT = "fault"
    """The deployment would fail, or what it deploys would."""


@dataclass(frozen=True)
class Finding:
    """``found`` is what is the case; ``remedy`` what to do about it, empty if nothing is to be done."""

    state: State
    subject: str
    found: str
    remedy: str = ""

    @classmethod
    def ok(cls, subject: str, found: str) -> "Finding":
        return cls(State.OK, subject, found)

    @classmethod
    def warning(cls, subject: str, found: str, remedy: str) -> "Finding":
        return cls(State.WARNING, subject, found, remedy)

    @classmethod
    def needs_operator(cls, subject: str, found: str, remedy: str) -> "Finding":
        return cls(State.NEEDS_OPERATOR, subject, found, remedy)

    @classmethod
    def fault(cls, subject: str, found: str, remedy: str) -> "Finding":
        return cls(State.FAULT, subject, found, remedy)
