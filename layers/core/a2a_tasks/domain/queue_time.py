"""How long a task may wait for its start, in milliseconds."""

DEFAULT = 24 * 3_600_000
"""Where neither the task nor its agent says so. Stored records leave it out, so it never changes."""
SHORTEST = 1_000
LONGEST = 7 * 24 * 3_600_000
