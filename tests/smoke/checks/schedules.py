"""The schedules invoke their functions."""

from tests.smoke import logs
from tests.smoke.run import Run

WITHIN_SECONDS = 130
"""Each runs every minute."""


def every_minute(run: Run) -> str:
    """Their runs' metrics appear, within the last two minutes or the next two."""
    since = logs.seconds_ago(WITHIN_SECONDS)
    for function, metric in (("Sweeper", "Sweeps"), ("Batcher", "BatchRuns")):
        logs.awaited(run, function, metric, since, WITHIN_SECONDS)
    return f"sweeper and batcher have run; observed after {run.time_limit.spent:.0f} s"
