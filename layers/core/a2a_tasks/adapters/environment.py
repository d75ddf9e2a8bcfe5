"""A function's configuration: environment variables, read once and named where they are missing."""

import os


class Misconfigured(Exception):
    """The function was deployed without a variable that it needs."""


def text(name: str) -> str:
    """Raises ``Misconfigured``."""
    value = os.environ.get(name)
    if not value:
        raise Misconfigured(f"environment variable {name} is not set")
    return value


def optional(name: str) -> str | None:
    """None where it is missing or empty."""
    return os.environ.get(name) or None


def integer(name: str) -> int:
    """Raises ``Misconfigured``."""
    value = text(name)
    try:
        return int(value)
    except ValueError:
        raise Misconfigured(f"environment variable {name} is not a whole number: {value!r}") from None


def retention_ms() -> int:
    """How long an ended task is kept."""
    return integer("RETENTION_DAYS") * 24 * 3_600_000
