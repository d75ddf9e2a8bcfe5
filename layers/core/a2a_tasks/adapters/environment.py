"""A function's configuration from environment variables."""

import os


class Misconfigured(Exception):
    """The function was deployed without a required variable."""


def text(name: str) -> str:
    """A required variable. Raises ``Misconfigured``."""
    value = os.environ.get(name)
    if not value:
        raise Misconfigured(f"environment variable {name} is not set")
    return value


def optional(name: str) -> str | None:
    """A variable, or None if it is missing or empty."""
    return os.environ.get(name) or None


def integer(name: str) -> int:
    """A required whole number. Raises ``Misconfigured``."""
    value = text(name)
    try:
        return int(value)
    except ValueError:
        raise Misconfigured(f"environment variable {name} is not a whole number: {value!r}") from None


def number(name: str) -> float:
    """A required number. Raises ``Misconfigured``."""
    value = text(name)
    try:
        return float(value)
    except ValueError:
        raise Misconfigured(f"environment variable {name} is not a number: {value!r}") from None


def retention_ms() -> int:
    """Retention of ended tasks (milliseconds). Raises ``Misconfigured``."""
    return integer("RETENTION_DAYS") * 24 * 3_600_000
