"""When to try an overloaded model again."""

import math

BASE_SECONDS = 1.0
MAX_SECONDS = 900.0
JITTER = 0.5


def delay_seconds(attempt: int, retry_after: float | None, random: float) -> int:
    """Whole seconds to wait after the ``attempt``-th failure (1, 2, …).

    At least what the server asked for (``retry-after``), else 1 s doubling, plus up to half of it (``random``
    in [0, 1)), so that tasks rejected together do not come back together. Whole seconds are what SQS takes.
    """
    backoff = min(MAX_SECONDS, BASE_SECONDS * 2.0 ** (attempt - 1))
    wait = max(retry_after or 0.0, backoff)
    return math.ceil(wait + random * JITTER * backoff)
