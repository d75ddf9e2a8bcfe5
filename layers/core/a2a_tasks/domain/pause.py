"""The operator's switch: a paused deployment accepts tasks and works on none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pause:
    """A pause in force since ``since`` (Unix milliseconds)."""

    since: int
    reason: str = ""
    """As the operator gave it; may be empty."""
