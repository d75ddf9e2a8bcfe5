"""The schedules call their functions."""

from tests.smoke import logs
from tests.smoke.run import Run

WITHIN_SECONDS = 130
"""Each runs every minute."""


def every_minute(run: Run) -> str:
    """By the metric that each run of them prints, within the last two minutes or the next."""
    since = logs.seconds_ago(WITHIN_SECONDS)
    for function, metric in (("Sweeper", "Sweeps"), ("Batcher", "BatchRuns")):
        logs.awaited(run, function, metric, since, WITHIN_SECONDS)
    return f"sweeper and batcher have run; seen after {run.time_limit.spent:.0f} s"
