"""What CloudWatch reports of a deployment: rates, spend, ages of queues, active alarms."""

from datetime import UTC, datetime, timedelta
from typing import Any

from a2actl.top.snapshot import Measured

COUNTED = {
    "created": "TasksCreated",
    "completed": "TasksCompleted",
    "failed": "TasksFailed",
    "canceled": "TasksCanceled",
}
MINUTES = 5
LATE_MINUTES = 10
"""Metrics of AWS's services may be so late."""
METRICS = len(COUNTED) + 1
MINUTE, HOUR = 60, 3_600
RINGS = "ALARM"


def measured(cloudwatch: Any, stack_name: str, queue_names: dict[str, str], now: int) -> Measured:
    """Three calls, billed by their metrics (``METRICS`` and one for each queue). ``queue_names`` are the
    physical ones by what they are called here; ``now`` is in Unix milliseconds."""
    end = datetime.fromtimestamp(now / 1000, UTC)
    midnight = end.replace(hour=0, minute=0, second=0, microsecond=0)
    today = max(end, midnight + timedelta(seconds=MINUTE))
    spent = _values(cloudwatch, [_counted(stack_name, "spent", "CostUsd", HOUR)], midnight, today)
    counted = [_counted(stack_name, key, metric, MINUTE) for key, metric in COUNTED.items()]
    rates = _values(cloudwatch, counted, end - timedelta(minutes=MINUTES), end)
    waits = [_age(f"age{n}", name) for n, name in enumerate(queue_names.values())]
    ages = _values(cloudwatch, waits, end - timedelta(minutes=LATE_MINUTES), end) if waits else {}
    return Measured(
        {key: sum(rates[key]) / MINUTES for key in COUNTED if rates.get(key)},
        sum(spent["spent"]) if spent.get("spent") else None,
        {called: ages[f"age{n}"][0] for n, called in enumerate(queue_names) if ages.get(f"age{n}")},
    )


def ringing(cloudwatch: Any, stack_name: str) -> tuple[str, ...]:
    """Names of the stack's active alarms, without the stack's name."""
    answer = cloudwatch.describe_alarms(
        AlarmNamePrefix=f"{stack_name}-",
        StateValue=RINGS,
        AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        MaxRecords=100,
    )
    alarms = answer.get("CompositeAlarms", []) + answer.get("MetricAlarms", [])
    return tuple(
        alarm["AlarmName"].removeprefix(f"{stack_name}-") for alarm in alarms if alarm["StateValue"] == RINGS
    )


def _values(
    cloudwatch: Any, queries: list[dict[str, Any]], start: datetime, end: datetime
) -> dict[str, list[float]]:
    """By id, the newest first."""
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampDescending"
    )
    return {found["Id"]: [float(value) for value in found["Values"]] for found in answer["MetricDataResults"]}


def _counted(stack_name: str, key: str, metric: str, period: int) -> dict[str, Any]:
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": f"A2ATasks/{stack_name}",
                "MetricName": metric,
                "Dimensions": [{"Name": "service", "Value": "tasks"}],
            },
            "Period": period,
            "Stat": "Sum",
        },
    }


def _age(key: str, queue_name: str) -> dict[str, Any]:
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
            },
            "Period": 60,
            "Stat": "Maximum",
        },
    }
