"""Age of the oldest message of a queue."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from a2actl.dead_letters.queue import AT_ONCE, DeadLetterQueue, name_of
from a2actl.queue.queues import QueueState

METRIC = "ApproximateAgeOfOldestMessage"
LOOKED_BACK = timedelta(minutes=15)


def oldest_age(queue: DeadLetterQueue, state: QueueState, cloudwatch: Any, now: int) -> float | None:
    """Seconds; None if no message is visible, or the age is unknown. A few messages are read; the age
    of many is CloudWatch's. ``now`` is in Unix milliseconds."""
    if not state.waiting:
        return None
    if state.messages > AT_ONCE:
        return _told_by(cloudwatch, name_of(queue.url), now)
    with closing(queue.messages()) as messages:
        found = list(messages)
    queue.show([message.receipt for message in found])
    return (now - min(message.sent_at for message in found)) / 1000 if found else None


def _told_by(cloudwatch: Any, queue_name: str, now: int) -> float | None:
    end = datetime.fromtimestamp(now / 1000, UTC)
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName=METRIC,
        Dimensions=[{"Name": "QueueName", "Value": queue_name}],
        StartTime=end - LOOKED_BACK,
        EndTime=end,
        Period=60,
        Statistics=["Maximum"],
    )
    newest = max(answer["Datapoints"], key=lambda point: point["Timestamp"], default=None)
    return None if newest is None else float(newest["Maximum"])
