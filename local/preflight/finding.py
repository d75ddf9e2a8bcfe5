"""A check's finding, worded for the person who deploys."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    OK = "ok"
    WARNING = "warning"
    """The deployment works, but something is missing afterwards, or could not be checked."""
    NEEDS_OPERATOR = "needs the operator"
    """Only the operator knows the value, so it is not in the repository. Stops a deployment, not CI."""
    FAULT = "fault"
    """The deployment, or the deployed system, would fail."""


@dataclass(frozen=True)
class Finding:
    """``found`` is the current state; ``remedy`` what to do about it, empty if nothing needs to be done."""

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
