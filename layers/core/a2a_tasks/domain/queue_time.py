"""Limits of a task's ``queueTimeout``, in milliseconds."""

DEFAULT = 24 * 3_600_000
"""If neither the task nor its agent sets one. Must never change, because stored items omit it."""
SHORTEST = 1_000
"""With less, a task might end before its message has reached a worker."""
LONGEST = 7 * 24 * 3_600_000
