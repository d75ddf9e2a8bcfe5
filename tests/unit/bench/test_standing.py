"""A month without calls, from what the template makes."""

import json
from typing import Any

import pytest

from bench.bill import standing
from bench.bill.prices import Unit
from local.preflight.target import Target
from tests.unit.bench.measured import SWEEPER, measurement

METRIC = {"Id": "m", "MetricStat": {"Metric": {"MetricName": "Errors"}}}
EXPRESSION = {"Id": "e", "Expression": "m / n"}


def target(**resources: tuple[str, dict[str, Any]]) -> Target:
    """A deployment of nothing but these: a type and properties for each logical id."""
    made = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in resources.items()}
    return Target("test", "a2a-tasks", {"Resources": made}, {})


def dashboard(metrics: int) -> tuple[str, dict[str, Any]]:
    body = {"widgets": [{"properties": {"metrics": [["AWS/SQS", "Age"]] * metrics}}, {"properties": {}}]}
    return "AWS::CloudWatch::Dashboard", {"DashboardBody": json.dumps(body)}


def schedule(rate: str) -> tuple[str, dict[str, Any]]:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:a2a-tasks-SweeperFunction:live"
    return "AWS::Scheduler::Schedule", {"ScheduleExpression": rate, "Target": {"Arn": arn}}


def test_an_alarm_is_billed_by_the_metrics_that_it_looks_at() -> None:
    one: tuple[str, dict[str, Any]] = ("AWS::CloudWatch::Alarm", {"MetricName": "Errors"})
    of_two = ("AWS::CloudWatch::Alarm", {"Metrics": [METRIC, METRIC, EXPRESSION]})
    both: tuple[str, dict[str, Any]] = ("AWS::CloudWatch::CompositeAlarm", {})
    alarms = standing.month(measurement(), target(One=one, OfTwo=of_two, Both=both))["alarms"]
    assert alarms.usd == pytest.approx(0.30 + 0.50)


@pytest.mark.parametrize(("metrics", "usd"), [(50, 0), (51, 3)])
def test_a_dashboard_of_fifty_metrics_is_free(metrics: int, usd: float) -> None:
    assert standing.month(measurement(), target(Board=dashboard(metrics)))["dashboard"].usd == usd


def test_pollers_of_an_empty_queue_ask_again_and_again() -> None:
    queue: tuple[str, dict[str, Any]] = ("AWS::Lambda::EventSourceMapping", {"BatchSize": 10})
    stream = ("AWS::Lambda::EventSourceMapping", {"StartingPosition": "TRIM_HORIZON"})
    polling = standing.month(measurement(), target(Queue=queue, Stream=stream))["polling"]
    assert polling.units == {Unit.SQS_REQUESTS: 5 * 3 * 60 * 730}


def test_schedules_call_functions_all_month_long() -> None:
    calls = 60 * 730
    units = standing.month(measurement(), target(Every=schedule("rate(1 minute)")))["schedules"].units
    assert units[Unit.SCHEDULED_CALLS] == units[Unit.INVOCATIONS] == calls
    assert units[Unit.READ_UNITS] == calls * 10
    assert units[Unit.GB_SECONDS] == pytest.approx(calls * max(SWEEPER.seconds, 0.001))


def test_a_schedule_that_is_no_rate_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="no rate"):
        standing.month(measurement(), target(Cron=schedule("cron(0 1 * * ? *)")))


def test_keys_secrets_and_metrics_are_billed_by_the_month() -> None:
    month = standing.month(measurement(), target(Key=("AWS::KMS::Key", {})))
    assert month["keys"].usd == pytest.approx(1 + 0.40)
    assert month["metrics"].units == {Unit.METRICS: 1}


def test_with_traffic_there_are_more_metrics() -> None:
    settings = [{"ResourcePath": "/*"}, {"ResourcePath": "/a", "MetricsEnabled": True}]
    stage = ("AWS::ApiGateway::Stage", {"MethodSettings": settings})
    assert standing.metrics_with_traffic(measurement(), target(Stage=stage)).units == {Unit.METRICS: 1 + 5}
