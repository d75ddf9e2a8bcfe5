"""Metrics from CloudWatch."""

from datetime import UTC, datetime, timedelta

from tests.smoke.run import Run

ARRIVAL_SECONDS = 240
"""Metrics of a minute are there within two or three."""
PERIOD_SECONDS = 60
POLL_SECONDS = 10


def total(run: Run, namespace: str, metric: str, **dimensions: str) -> float | None:
    """The sum since the run began; None without data."""
    points = run.target.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=datetime.fromtimestamp(run.started_at // PERIOD_SECONDS * PERIOD_SECONDS, UTC),
        EndTime=datetime.now(UTC) + timedelta(seconds=PERIOD_SECONDS),  # the minute that runs, too
        Period=PERIOD_SECONDS,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points) if points else None


def awaited(run: Run, namespace: str, metric: str, **dimensions: str) -> float:
    """The sum once there is one that is not zero. Raises ``TimeoutError``."""
    return run.time_limit.until(
        lambda: total(run, namespace, metric, **dimensions) or 0.0,
        ARRIVAL_SECONDS,
        f"{metric} in {namespace}",
        every=POLL_SECONDS,
    )
