"""One check and its outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.smoke.run import Run

ONLY_REAL = "this can only be checked on a real deployment"


class Failed(Exception):
    """The deployment does not behave as required; the text says what was observed."""


class Skipped(Exception):
    """The check does not apply to this deployment; the text says why."""


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check: ``seen`` is a sentence for the table."""

    check: str
    result: Result
    seconds: float
    seen: str


@dataclass(frozen=True)
class Check:
    """``look`` returns what was seen, and raises ``Failed`` or ``Skipped``. ``seconds`` bounds its waits.
    ``is_real_only``: an emulator cannot show it. ``is_long``: only with FULL=1, because it takes long or
    changes the deployed stack for a while. ``needs_receiver``: it asks the run's receiver of webhooks.
    """

    name: str
    look: Callable[["Run"], str]
    seconds: float
    is_real_only: bool = False
    is_long: bool = False
    needs_receiver: bool = False


def expect(is_so: bool, otherwise: str) -> None:
    """Raises ``Failed`` with the text unless it is so."""
    if not is_so:
        raise Failed(otherwise)


def real_only(run: "Run") -> None:
    """Raises ``Skipped`` on an emulator."""
    if run.target.is_emulated:
        raise Skipped(ONLY_REAL)
