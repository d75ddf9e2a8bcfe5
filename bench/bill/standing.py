"""The cost of a deployment in a month without calls."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bench.bill.measurement import Measurement
from bench.bill.prices import FREE_DASHBOARD_METRICS, Unit
from bench.bill.usage import Usage
from local.preflight.target import Target

HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3_600
POLLERS = 5
"""Of a queue's event source, at least. They poll continuously, each time for ``POLL_SECONDS``:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
POLL_SECONDS = 20
ENVIRONMENT = "prod"
_RATE = re.compile(r"rate\((?P<number>\d+) (?P<unit>minute|hour|day)s?\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def month(measured: Measurement, target: Target) -> dict[str, Usage]:
    """By purpose."""
    return {
        "alarms": Usage(
            {Unit.ALARM_METRICS: alarm_metrics(target), Unit.COMPOSITE_ALARMS: composite_alarms(target)}
        ),
        "dashboard": Usage({Unit.DASHBOARDS: paid_dashboards(target)}),
        "schedules": Usage.sum(_scheduled(measured, target)),
        "polling": Usage({Unit.SQS_REQUESTS: polls(target)}),
        "metrics": Usage({Unit.METRICS: len(measured.idle_metrics)}),
        "keys": Usage(
            {Unit.KMS_KEYS: len(_of_type(target, "AWS::KMS::Key")), Unit.SECRETS: measured.secrets}
        ),
    }


def metrics_with_traffic(measured: Measurement, target: Target) -> Usage:
    """Metrics published only while there are tasks: own ones, and detailed ones of the API."""
    own = set(measured.metrics) - set(measured.idle_metrics)
    return Usage({Unit.METRICS: len(own) + detailed_metrics(target)})


def alarm_metrics(target: Target) -> int:
    """An alarm on an expression is billed for each metric in it."""
    alarms = _of_type(target, "AWS::CloudWatch::Alarm")
    return sum(
        sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1
        for alarm in alarms
    )


def composite_alarms(target: Target) -> int:
    return len(_of_type(target, "AWS::CloudWatch::CompositeAlarm"))


def paid_dashboards(target: Target) -> int:
    """Dashboards with more metrics than are free."""
    dashboards = _of_type(target, "AWS::CloudWatch::Dashboard")
    return sum(_shown(json.loads(each["DashboardBody"])) > FREE_DASHBOARD_METRICS for each in dashboards)


def _shown(dashboard: Mapping[str, Any]) -> int:
    """Metrics of a dashboard. A search, which finds a varying number, counts as one here."""
    return sum(len(widget["properties"].get("metrics", ())) for widget in dashboard["widgets"])


def polls(target: Target) -> float:
    """Requests in a month with which event sources poll empty queues."""
    sources = _of_type(target, "AWS::Lambda::EventSourceMapping")
    queues = sum("StartingPosition" not in source for source in sources)
    return queues * POLLERS * SECONDS_A_MONTH / POLL_SECONDS


def detailed_metrics(target: Target) -> int:
    """Metrics of single methods: five for each method that is called."""
    (stage,) = _of_type(target, "AWS::ApiGateway::Stage")
    methods = [item for item in stage.get("MethodSettings", ()) if item.get("MetricsEnabled")]
    return 5 * len(methods)


def _scheduled(measured: Measurement, target: Target) -> Iterator[Usage]:
    schedules = _of_type(target, "AWS::Scheduler::Schedule")
    seconds = [_every(schedule["ScheduleExpression"]) for schedule in schedules]
    yield Usage({Unit.SCHEDULED_CALLS: sum(SECONDS_A_MONTH / each for each in seconds)})
    for schedule, every in zip(schedules, seconds, strict=True):
        yield _called(measured, schedule).usage * (SECONDS_A_MONTH / every)


def _called(measured: Measurement, schedule: Mapping[str, Any]) -> Any:
    """The function called by a schedule, found by the name in its target."""
    target = json.dumps(schedule["Target"]["Arn"])
    (part,) = [part for name, part in measured.scheduled.items() if name.lower() in target.lower()]
    return part


def _every(expression: str) -> int:
    found = _RATE.fullmatch(expression)
    if found is None:
        raise ValueError(f"{expression} is no rate")
    return int(found["number"]) * _UNIT_SECONDS[found["unit"]]


def _of_type(target: Target, kind: str) -> list[dict[str, Any]]:
    return list(target.of_type(kind).values())
