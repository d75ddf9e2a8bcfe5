"""The result of a check, in words for operators."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works but needs attention, or it could not be checked."""
    FAULT = "fault"
    """Something does not work."""


@dataclass(frozen=True)
class Finding:
    """``remedy`` says what to do, ``page`` is a file below ``docs`` with details; both are empty if nothing
    is to be done."""

    state: State
    subject: str
    found: str
    remedy: str = ""
    page: str = ""

    @classmethod
    def ok(cls, subject: str, found: str) -> "Finding":
        return cls(State.OK, subject, found)

    @classmethod
    def warning(cls, subject: str, found: str, remedy: str, page: str = "") -> "Finding":
        return cls(State.WARNING, subject, found, remedy, page)

    @classmethod
    def fault(cls, subject: str, found: str, remedy: str, page: str = "") -> "Finding":
        return cls(State.FAULT, subject, found, remedy, page)
